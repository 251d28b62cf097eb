"""Asks the sentinels of a service where its master is: once on a running loop, all at a time, and once blocking, one after
the other. They are asked for every connection, and each second while there are some (`connection`); what they said last is
remembered only to leave connections to a former master.
"""

import asyncio
import socket
from typing import Final

from . import tls
from .servers import Answer, Inquiry, Master, NoMasterError, Watched, newest
from .tls import TlsOptionError

# For one sentinel; they answer in a fraction of a millisecond.
ASK_S: Final = 0.5


# By service, the master that was found last, or that a look found since.
_latest: dict[Watched, Master] = {}


def is_former(watched: Watched, master: Master) -> bool:
    """Whether another has taken over since, as far as this process has heard."""
    latest = _latest.get(watched)
    return latest is not None and latest.epoch > master.epoch


async def look(watched: Watched) -> Master:
    """The same as `find`, for who has connections already: an answer that is behind tells nothing."""
    found = await _found(watched)
    if is_former(watched, found):
        return _latest[watched]
    _latest[watched] = found
    return found


async def find(watched: Watched) -> Master:
    """By a majority of the sentinels, or by all that answer in time. Raises NoMasterError."""
    # Whatever was said before: who sets up sentinels anew begins to count anew.
    found = _latest[watched] = await _found(watched)
    return found


async def _found(watched: Watched) -> Master:
    asked = [asyncio.ensure_future(_ask(watched, *address)) for address in watched.sentinels]
    answers: list[Answer] = []
    errors: list[str] = []
    try:
        async with asyncio.timeout(ASK_S):
            for coming in asyncio.as_completed(asked):
                try:
                    answers.append(await coming)
                except (OSError, TlsOptionError) as error:
                    errors.append(tls.trouble(error, watched.address) or str(error))
                if len(answers) >= watched.majority:
                    break
    except TimeoutError:
        errors.append(f"no answer in {ASK_S:g} s")
    finally:
        for one in asked:
            one.cancel()
        await asyncio.gather(*asked, return_exceptions=True)
    return newest(watched, answers, errors)


async def _ask(watched: Watched, host: str, port: int) -> Answer:
    """Raises OSError, and NoMasterError, which is one."""
    context = tls.context(dict(watched.tls)) if watched.tls is not None else None
    reader, writer = await asyncio.open_connection(host, port, ssl=context)
    try:
        inquiry = Inquiry(watched)
        writer.write(inquiry.text)
        while True:
            if (answer := inquiry.take(await reader.read(65_536))) is not None:
                return answer
    except NoMasterError as error:
        raise NoMasterError(f"{host}:{port} {error}") from error
    finally:
        writer.transport.abort()


class Search:
    """The same for code that blocks. `master` is the one found last; who did not answer is asked last the next time."""

    def __init__(self, watched: Watched) -> None:
        self.master: Master | None = None
        self._watched = watched
        self._order = list(watched.sentinels)

    def find(self) -> Master:
        """Raises NoMasterError."""
        answers: list[Answer] = []
        errors: list[str] = []
        silent = []
        for address in self._order:
            try:
                answers.append(self._ask(*address))
            except (OSError, TlsOptionError) as error:
                errors.append(tls.trouble(error, self._watched.address) or f"{address[0]}:{address[1]} {error}")
                silent.append(address)
            if len(answers) >= self._watched.majority:
                break
        if silent:
            # A list of its own: other threads may be going through the former one.
            self._order = [*(one for one in self._order if one not in silent), *silent]
        self.master = _latest[self._watched] = newest(self._watched, answers, errors)
        return self.master

    def _ask(self, host: str, port: int) -> Answer:
        connection = socket.create_connection((host, port), ASK_S)
        try:
            if self._watched.tls is not None:
                connection = tls.context(dict(self._watched.tls)).wrap_socket(connection, server_hostname=host)
            inquiry = Inquiry(self._watched)
            connection.sendall(inquiry.text)
            while True:
                if (answer := inquiry.take(connection.recv(65_536))) is not None:
                    return answer
        finally:
            connection.close()

"""What `scripts/run` and `manage.py up` take. Standard library only: `scripts/run` checks it before it installs
anything.
"""

import argparse
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

FEEDS = ("simulated", "replay", "deribit")
LOOPBACK = "127.0.0.1"
EVERY_ADDRESS = "0.0.0.0"  # noqa: S104


@dataclass(frozen=True)
class UpOptions:
    """What one machine runs. `replay_file` is absolute; `port` 0 takes a free one."""

    host: str = LOOPBACK
    port: int = 8000
    feed: str = "simulated"
    replay_file: Path | None = None
    replay_speed: float = 1.0
    public: bool = False


def port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > 65_535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port: a whole number from 0 to 65535")
    return int(text)


def speed(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 <= number < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a speed: a number from 0, which is as fast as possible")
    return number


def _is_loopback(host: str) -> bool:
    return host in ("localhost", "::1") or host.startswith("127.")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=port, default=8000, metavar="N", help="port of the page, 8000 by default")
    parser.add_argument("--host", metavar="H", help="address to listen on, 127.0.0.1 by default")
    parser.add_argument("--feed", choices=FEEDS, default="simulated", help="where quotes come from")
    parser.add_argument("--replay-file", metavar="F", help="a capture to replay, with --feed replay")
    parser.add_argument(
        "--replay-speed", type=speed, metavar="X", help="times the recorded pace; 0: as fast as it goes"
    )
    parser.add_argument("--public", action="store_true", help="listen on every address, and turn the demo user off")


def options_of(parser: argparse.ArgumentParser, values: argparse.Namespace) -> UpOptions:
    """The checked options. Ends the process through `parser.error` where they do not fit together."""
    if values.host and not values.public and not _is_loopback(values.host):
        parser.error(f"--host {values.host} is open to others: add --public, which turns the demo user off")
    replay = values.feed == "replay"
    file = None
    if replay and not values.replay_file:
        parser.error("--feed replay needs a capture: give it with --replay-file")
    if not replay and (values.replay_file or values.replay_speed is not None):
        parser.error("--replay-file and --replay-speed belong to --feed replay")
    if replay:
        file = Path(values.replay_file).expanduser().absolute()
        if not file.is_file():
            parser.error(f"--replay-file: there is no file {file}")
        try:
            file.open("rb").close()
        except OSError as error:
            parser.error(f"--replay-file: {file} cannot be read: {error.strerror}")
    return UpOptions(
        host=values.host or (EVERY_ADDRESS if values.public else LOOPBACK),
        port=values.port,
        feed=values.feed,
        replay_file=file,
        replay_speed=1.0 if values.replay_speed is None else values.replay_speed,
        public=values.public,
    )


def parse(arguments: Sequence[str], program: str) -> UpOptions:
    """`arguments` as the options; ends the process with a usage line where they are wrong."""
    parser = argparse.ArgumentParser(prog=program, description="Start Strikewire on this machine.", allow_abbrev=False)
    add_arguments(parser)
    return options_of(parser, parser.parse_args(arguments))

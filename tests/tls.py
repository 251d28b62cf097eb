"""TLS before servers that speak none, as the embedded Valkey: doors that end it, and certificates made for the test."""

import asyncio
import contextlib
import datetime as dt
import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

# How a TLS connection begins, and no command to Redis does.
_HANDSHAKE = b"\x16"


@dataclass(frozen=True)
class Certificates:
    """Of a server on 127.0.0.1, signed by itself: who believes `authority` believes it. `stranger` is another's."""

    authority: Path
    key: Path
    stranger: Path


def make_certificates(folder: Path) -> Certificates:
    paths = {}
    for name in ("server", "stranger"):
        certificate, key = certify(name)
        paths[name] = folder / f"{name}.pem", folder / f"{name}.key"
        paths[name][0].write_bytes(certificate)
        paths[name][1].write_bytes(key)
    return Certificates(*paths["server"], paths["stranger"][0])


def certify(name: str, *host_names: str) -> tuple[bytes, bytes]:
    """A certificate for these and 127.0.0.1, signed by itself, and its key, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    addresses = [*map(x509.DNSName, host_names), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(addresses), critical=False)
        .sign(key, hashes.SHA256())
    )
    return (
        certificate.public_bytes(serialization.Encoding.PEM),
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
    )


@dataclass
class Door:
    """`port` speaks TLS, and passes on in clear what begins in clear, as servers among themselves do here. `opened` counts
    the connections by TLS."""

    port: int
    opened: int = 0


@contextlib.contextmanager
def doors(certificates: Certificates, ports: list[int]) -> Iterator[list[Door]]:
    """One before each of these ports of the loopback."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificates.authority, certificates.key)
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in ports]
    made = [Door(listener.getsockname()[1]) for listener in listeners]
    stop = asyncio.Event()
    loop = asyncio.new_event_loop()

    async def stand() -> None:
        tasks = [
            asyncio.create_task(_accept(listener, door, port, context))
            for listener, door, port in zip(listeners, made, ports, strict=True)
        ]
        await stop.wait()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*tasks, *left, return_exceptions=True)

    thread = threading.Thread(target=loop.run_until_complete, args=(stand(),), name="doors", daemon=True)
    thread.start()
    try:
        yield made
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        loop.close()
        for listener in listeners:
            listener.close()


async def _accept(listener: socket.socket, door: Door, to: int, context: ssl.SSLContext) -> None:
    listener.setblocking(False)
    going = set()
    while True:
        came, _ = await asyncio.get_running_loop().sock_accept(listener)
        task = asyncio.create_task(_pass_on(came, door, to, context))
        going.add(task)
        task.add_done_callback(going.discard)


async def _pass_on(came: socket.socket, door: Door, to: int, context: ssl.SSLContext) -> None:
    loop = asyncio.get_running_loop()
    writers: list[asyncio.StreamWriter] = []
    try:
        first = await _first_byte(came)
        reader = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(reader)
        transport, _ = await loop.connect_accepted_socket(
            lambda: protocol, came, ssl=context if first == _HANDSHAKE else None
        )
        door.opened += first == _HANDSHAKE
        writers.append(asyncio.StreamWriter(transport, protocol, reader, loop))
        its_reader, its_writer = await asyncio.open_connection("127.0.0.1", to)
        writers.append(its_writer)
        ways = [asyncio.create_task(_copy(reader, its_writer)), asyncio.create_task(_copy(its_reader, writers[0]))]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
    except OSError:
        pass  # who does not believe the certificate goes away in the middle of it
    finally:
        came.close()
        for writer in writers:
            writer.transport.abort()


async def _first_byte(came: socket.socket) -> bytes:
    came.setblocking(False)
    while True:
        try:
            return came.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            await asyncio.sleep(0.002)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65_536):
        writer.write(data)
        await writer.drain()

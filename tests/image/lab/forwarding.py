"""A machine's public address: what is sent there passes into the machine's own network, if its security groups let it in."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

from tests.image.lab.network import Network

_CHUNK = 65536


class Forwarder:
    """One port of one machine. `lets_in` is asked for every connection, with the address it comes from."""

    def __init__(self, network: Network, port: int, lets_in: Callable[[str], bool]) -> None:
        self._network = network
        self._port = port
        self._lets_in = lets_in
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()

    async def start(self, address: str) -> None:
        """Listens at a public address."""
        self._server = await asyncio.start_server(self._accept, address, self._port)

    def cut(self) -> None:
        """Every connection breaks."""
        for task in self._open:
            task.cancel()

    async def stop(self) -> None:
        """Listens no more, and every connection breaks."""
        if self._server is not None:
            self._server.close()
        open_now = list(self._open)
        self.cut()
        await asyncio.gather(*open_now, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            if self._lets_in(writer.get_extra_info("peername")[0]):
                await self._pass_on(reader, writer)
        except (OSError, asyncio.CancelledError):
            writer.transport.abort()  # as the network does when one end is gone
        finally:
            self._open.discard(task)
            writer.close()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner = self._network.socket()
        inner.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(inner, ("127.0.0.1", self._port))
        except BaseException:
            inner.close()
            raise
        inside_reader, inside_writer = await asyncio.open_connection(sock=inner)
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(_pump(reader, inside_writer))
                both.create_task(_pump(inside_reader, writer))
        except* OSError as group:
            raise group.exceptions[0] from None
        finally:
            inside_writer.transport.abort()


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    while data := await source.read(_CHUNK):
        sink.write(data)
        await sink.drain()
    if sink.can_write_eof():
        sink.write_eof()


def free_address(taken: set[str], port: int) -> str:
    """A loopback address at which nothing listens on that port yet, also not another run of these tests."""
    for third in range(77, 255):
        for fourth in range(1, 255):
            address = f"127.77.{third}.{fourth}"
            if address not in taken and _is_free(address, port):
                return address
    raise AssertionError("no loopback address is free")


def _is_free(address: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError:
            return False
    return True

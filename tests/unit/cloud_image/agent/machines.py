"""A whole agent in a scratch folder, its real socket included, around an engine and a cloud in memory."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from cloud_image.agent.clock import SystemClock
from cloud_image.agent.daemon import AgentDaemon
from cloud_image.agent.notify import Systemd
from cloud_image.agent.world import World
from cloud_image.paths import Paths
from cloud_image.settings import GuardSettings, Settings
from tests.unit.cloud_image.agent.conftest import laid_out, soon
from tests.unit.cloud_image.agent.fakes import FakeCommands, FakeEngine, FakeGpus, FakeMetadata, FakeProcess, FakeReader


@dataclass
class Machine:
    """One machine. `engine` and the others are what surrounds its agent."""

    paths: Paths
    engine: FakeEngine
    process: FakeProcess
    gpus: FakeGpus
    metadata: FakeMetadata
    commands: FakeCommands
    reader: FakeReader
    boot: str = "boot 1"
    systemd: Systemd | None = None

    def agent(self, heartbeat: float = 0.2) -> AgentDaemon:
        """A new agent for it, not running yet."""
        world = World(
            engine=self.engine,
            process=self.process,
            gpus=self.gpus,
            metadata=self.metadata,
            commands=self.commands,
            reader=self.reader,
            clock=SystemClock(),
            systemd=self.systemd or Systemd({}),
            boot=lambda: self.boot,
            heartbeat=heartbeat,
        )
        return AgentDaemon(self.paths, Settings(guard=GuardSettings(max_upload_mib=1)), world)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[AgentDaemon]:
        """An agent that listens, until the block ends."""
        agent = self.agent()
        task = asyncio.ensure_future(agent.run())
        try:
            await soon(lambda: agent.server.started or task.done())
            yield agent
        finally:
            agent.server.should_exit = True
            await task

    @asynccontextmanager
    async def client(self) -> AsyncIterator[aiohttp.ClientSession]:
        """What the guard is to the agent."""
        connector = aiohttp.UnixConnector(str(self.paths.agent_socket))
        async with aiohttp.ClientSession("http://machine", connector=connector) as session:
            yield session

    @asynccontextmanager
    async def socket(self) -> AsyncIterator[Line]:
        """An open `/agent` socket."""
        async with self.client() as client, client.ws_connect("/agent", headers={"Wakebrush-Wire": "1"}) as socket:
            yield Line(socket)


class Line:
    """One `/agent` socket: `report` is the newest one heard."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.report: dict[str, Any] = {}
        self.heard = 0

    async def next(self) -> dict[str, Any]:
        async with asyncio.timeout(10):
            said: dict[str, Any] = json.loads(await self.socket.receive_str())
        if said["type"] == "report":
            self.report, self.heard = said, self.heard + 1
        return said

    async def until(self, good: Any) -> dict[str, Any]:
        while not (self.report and good(self.report)):
            await self.next()
        return self.report

    async def order(self, kind: str, id: str, **fields: Any) -> dict[str, Any]:
        await self.socket.send_json({"type": kind, "wire": 1, "id": id} | fields)
        while (said := await self.next())["type"] != "reply":
            pass
        return said


def machine(folder: Path) -> Machine:
    """One whose engine does not answer yet."""
    paths = laid_out(folder)
    return Machine(paths, FakeEngine(), FakeProcess(), FakeGpus(), FakeMetadata(), FakeCommands(), FakeReader())


async def closed(socket: aiohttp.ClientWebSocketResponse) -> int | None:
    """The code with which the other side closes, whatever it says before."""
    async with asyncio.timeout(10):
        with contextlib.suppress(TypeError):
            while True:
                message = await socket.receive()
                if message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.CLOSING):
                    return socket.close_code
    return None

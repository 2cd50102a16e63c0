"""The places the agent contract is tried in: a machine in memory, the same behind a real guard and behind nginx as a machine has
it, and any agent by its address."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol, TypeVar
from urllib.parse import urlsplit

import aiohttp
import psutil

from tests.support.certificates import self_signed
from tests.support.guard import Guard, serving
from tests.support.nginx import AgentBehind, DoorKeeper, nginx_guard
from wake_service.agent.guard import GuardLink
from wake_service.agent.link import AgentLink, LinkTimes
from wake_service.agent.memory import MachineTimes, MemoryMachine
from wake_service.agent.wire import HEARTBEAT_SECONDS, SILENCE_SECONDS, WIRE
from wake_service.clock import ManualClock, SystemClock, settle

T = TypeVar("T")
TOKEN = "the token of this wake"
DEADLINE = 30.0


class World(Protocol):
    """One machine whose guard answers. `hands` moves it, where the machine is ours."""

    hands: MemoryMachine | None
    #: Seconds: how often a report comes at least, and how long a link bears silence.
    heartbeat: float
    silence: float

    async def dial(self, *, token: str | None = None, fingerprint: str | None = None, wire: int = WIRE) -> AgentLink:
        """A new link, with the machine's own token and fingerprint unless others are given."""

    async def prompt(self) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of a `POST /prompt` with an empty graph."""

    async def within(self, doing: Awaitable[T], seconds: float = DEADLINE) -> T:
        """What `doing` gives, letting that much time pass at most. Raises TimeoutError."""


class MemoryWorld:
    heartbeat, silence = HEARTBEAT_SECONDS, SILENCE_SECONDS

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.hands = MemoryMachine(self.clock)

    async def dial(self, *, token: str | None = None, fingerprint: str | None = None, wire: int = WIRE) -> AgentLink:
        return self.hands.link(token or TOKEN, fingerprint or self.hands.fingerprint, wire=wire)

    async def prompt(self) -> tuple[int, dict[str, str], bytes]:
        answer = self.hands.refuse_prompt()
        return (answer.status, answer.headers, answer.body) if answer else (400, {}, b"{}")

    async def within(self, doing: Awaitable[T], seconds: float = DEADLINE) -> T:
        task = asyncio.ensure_future(doing)
        for _ in range(int(seconds) + 1):
            await self.clock.advance(0)
            if task.done():
                return task.result()
            await self.clock.advance(1)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        raise TimeoutError


class AddressWorld:
    """An agent behind a guard somewhere."""

    hands: MemoryMachine | None = None
    heartbeat, silence = HEARTBEAT_SECONDS, SILENCE_SECONDS

    def __init__(self, url: str, token: str, fingerprint: str) -> None:
        self.url, self.token, self.fingerprint = url, token, fingerprint

    async def dial(self, *, token: str | None = None, fingerprint: str | None = None, wire: int = WIRE) -> AgentLink:
        return await GuardLink.dial(
            self.url,
            token=token or self.token,
            fingerprint=fingerprint or self.fingerprint,
            times=LinkTimes(silence=self.silence),
            wire=wire,
        )

    async def prompt(self) -> tuple[int, dict[str, str], bytes]:
        pin = aiohttp.Fingerprint(bytes.fromhex(self.fingerprint))
        headers = {"Authorization": f"Bearer {self.token}"}
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.post(f"{self.url}/prompt", json={"prompt": {}}, ssl=pin) as answer,
        ):
            return answer.status, dict(answer.headers), await answer.read()

    async def within(self, doing: Awaitable[T], seconds: float = DEADLINE) -> T:
        async with asyncio.timeout(max(seconds, DEADLINE)):
            return await doing


class GuardWorld(AddressWorld):
    """The machine in memory, with times of its own, behind a real guard on loopback and before a small engine."""

    heartbeat, silence = 0.2, 1.5

    def __init__(self, machine: MemoryMachine, url: str) -> None:
        super().__init__(url, TOKEN, machine.fingerprint)
        self.hands = machine


async def _refuse_empty(request: aiohttp.web.Request) -> aiohttp.web.Response:
    error = {"type": "prompt_no_outputs", "message": "Prompt has no outputs", "details": "", "extra_info": {}}
    return aiohttp.web.json_response({"error": error, "node_errors": {}}, status=400)


@asynccontextmanager
async def memory_world(_: Path) -> AsyncIterator[World]:
    world = MemoryWorld()
    world.hands.power_on(TOKEN)
    await world.clock.advance(world.hands.times.guard)
    yield world
    await world.hands.close()


@asynccontextmanager
async def guard_world(folder: Path) -> AsyncIterator[World]:
    certificate = self_signed(folder)
    times = MachineTimes(guard=0.0, booting=0.05, engine=0.05, heartbeat=GuardWorld.heartbeat)
    machine = MemoryMachine(SystemClock(), fingerprint=certificate.fingerprint, times=times)
    async with small_engine() as engine, serving(Guard(machine, engine), certificate.context()) as url:
        machine.power_on(TOKEN)
        await settle()
        yield GuardWorld(machine, url)
        await machine.close()


@asynccontextmanager
async def nginx_world(_: Path) -> AsyncIterator[World]:
    async with small_engine() as engine, nginx_guard(TOKEN, urlsplit(engine).port or 80) as guard:
        times = MachineTimes(guard=0.0, booting=0.05, engine=0.05, heartbeat=GuardWorld.heartbeat)
        machine = MemoryMachine(SystemClock(), fingerprint=guard.certificate.fingerprint, times=times)
        async with AgentBehind(machine, heartbeat=GuardWorld.heartbeat).listening(guard.paths.agent_socket):
            machine.power_on(TOKEN)
            await settle()
            machine.attach(DoorKeeper(guard.door))
            yield GuardWorld(machine, guard.url)
            await machine.close()
        await hung_up(guard.port)


@asynccontextmanager
async def small_engine() -> AsyncIterator[str]:
    application = aiohttp.web.Application()
    application.router.add_post("/prompt", _refuse_empty)
    runner = aiohttp.web.AppRunner(application, shutdown_timeout=1)
    await runner.setup()
    await aiohttp.web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


@asynccontextmanager
async def address_world(_: Path) -> AsyncIterator[World]:
    url = os.environ["AGENT_URL"].rstrip("/")
    yield AddressWorld(url, os.environ["AGENT_TOKEN"], os.environ["AGENT_FINGERPRINT"])
    await hung_up(urlsplit(url).port or 443)


async def hung_up(port: int) -> None:
    """Returns once no connection to that port is open: aiohttp ends TLS with the other side behind our back, and a loop that
    ends before they have would leave sockets to be warned of. Nothing tells when, so it is looked for."""
    for _ in range(500):
        if not any(other.raddr and other.raddr.port == port for other in psutil.Process().net_connections("tcp")):
            return
        await asyncio.sleep(0.01)
    raise TimeoutError

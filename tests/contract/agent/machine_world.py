"""The real agent behind the real guard, in a scratch folder and before a small engine: what test_our_machine moves by hand."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web

from cloud_image.agent.commands import SystemCommands
from cloud_image.agent.daemon import AgentDaemon
from cloud_image.agent.ending import UnitProcess
from cloud_image.agent.engine_client import EngineClient
from cloud_image.agent.gpus import NoGpu, Reading
from cloud_image.agent.notify import Systemd
from cloud_image.agent.prefetch import DiskReader
from cloud_image.agent.state import report
from cloud_image.agent.wire import Stage, text
from cloud_image.agent.world import World
from cloud_image.engine.exits import Exit, write
from cloud_image.engine.trouble import Kind, Trouble
from cloud_image.engine.wipe import wipe
from cloud_image.metadata import Identity
from cloud_image.metadata import Notice as CloudNotice
from cloud_image.settings import AgentSettings, EngineSettings, Settings
from tests.contract.agent.worlds import TOKEN, AddressWorld, hung_up
from tests.support.nginx import NginxGuard, nginx_guard
from wake_service.agent.memory import MemoryMachine
from wake_service.agent.text import read_message
from wake_service.agent.wire import Notice, Report
from wake_service.clock import SystemClock

HEARTBEAT = 0.2


async def until(good: Callable[[], Any]) -> None:
    """Returns once it is so."""
    for _ in range(6000):
        if good():
            return
        await asyncio.sleep(0.01)
    raise TimeoutError


class SmallEngine:
    """As much of ComfyUI as the agent asks: queue, history, and a socket that says when either has changed."""

    def __init__(self) -> None:
        self.running, self.pending = 0, 0
        self.history: dict[str, Any] = {}
        self.port = 0
        self._sockets: set[web.WebSocketResponse] = set()
        self._runner: web.AppRunner | None = None
        self._telling: list[asyncio.Future[None]] = []

    async def start(self) -> None:
        """Begins to answer, on the port that it had before."""
        application = web.Application()
        application.router.add_get("/queue", self._queue)
        application.router.add_get("/history", self._history)
        application.router.add_get("/ws", self._socket)
        application.router.add_post("/prompt", self._prompt)
        self._runner = web.AppRunner(application, shutdown_timeout=1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()
        self.port = self._runner.addresses[0][1]

    async def die(self) -> None:
        """Ends, with its queue and history."""
        runner, self._runner = self._runner, None
        for socket in list(self._sockets):
            await socket.close()
        if runner is not None:
            await runner.cleanup()
        self.running, self.pending, self.history = 0, 0, {}

    def tell(self) -> None:
        """Says that something has changed."""
        status = {"type": "status", "data": {"status": {"exec_info": {"queue_remaining": self.running + self.pending}}}}
        self._telling = [asyncio.ensure_future(socket.send_json(status)) for socket in self._sockets]

    async def _queue(self, _: web.Request) -> web.Response:
        rows = [[number, f"p{number}", {}, {}, []] for number in range(self.running + self.pending)]
        return web.json_response({"queue_running": rows[: self.running], "queue_pending": rows[self.running :]})

    async def _history(self, request: web.Request) -> web.Response:
        newest = list(self.history.items())[-int(request.query["max_items"]) :]
        return web.json_response(dict(newest))

    async def _socket(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self._sockets.add(socket)
        async for _ in socket:
            pass
        self._sockets.discard(socket)
        return socket

    async def _prompt(self, _: web.Request) -> web.Response:
        error = {"type": "prompt_no_outputs", "message": "Prompt has no outputs", "details": "", "extra_info": {}}
        return web.json_response({"error": error, "node_errors": {}}, status=400)


class Hands:
    """Moves the machine as MemoryMachine is moved. `life` is the agent of the present boot."""

    def __init__(self, guard: NginxGuard, engine: SmallEngine) -> None:
        self.guard = guard
        self.paths = guard.paths
        self.clock = SystemClock()
        self.engine = engine
        self.life: AgentDaemon | None = None
        self._boots = 0
        self._notice: CloudNotice | None = None
        self.sentence = ""
        self._silent = False
        self._living: asyncio.Task[None] | None = None
        self._ending: list[asyncio.Task[None]] = []
        for folder in (self.paths.idle, self.paths.engine_exit.parent, self.paths.kept.parent, self.paths.models):
            folder.mkdir(parents=True)
        for name in ("input", "output"):
            (self.paths.engine_data / name).mkdir(parents=True)

    def power_on(self, token: str) -> None:
        assert token == TOKEN, "the guard was set up with another token"
        self.power_off()
        self._boots += 1
        for path in (*self.paths.door.iterdir(), self.paths.engine_exit, self.paths.stop_order, self.paths.hold):
            path.unlink(missing_ok=True)
        self._living = asyncio.ensure_future(self._live(self._ending))
        self._ending = []

    def power_off(self) -> None:
        self.silent = False
        self.life = None
        self.guard.stop()
        living, self._living = self._living, None
        if living is not None:
            self._ending.append(living)
            if living is not asyncio.current_task():
                living.cancel()

    async def close(self) -> None:
        self.power_off()
        await asyncio.gather(*self._ending, return_exceptions=True)
        await self.engine.die()

    @property
    def silent(self) -> bool:
        return self._silent

    @silent.setter
    def silent(self, silent: bool) -> None:
        """Whether it hangs: its connections stand, and nothing comes over them."""
        if silent != self._silent:
            os.killpg(self.guard.pid, signal.SIGSTOP if silent else signal.SIGCONT)
        self._silent = silent

    @property
    def inputs(self) -> dict[str, bytes]:
        folder = self.paths.engine_data / "input/wakebrush"
        return {path.name: path.read_bytes() for path in folder.iterdir()} if folder.is_dir() else {}

    def report(self) -> Report:
        assert self.life is not None
        said = read_message(text(report(self.life.state.facts, self.clock.now(), "1")))
        assert isinstance(said, Report)
        return said

    def set_queue(self, running: int = 0, pending: int = 0) -> None:
        self.engine.running, self.engine.pending = running, pending
        self.engine.tell()

    def give_notice(self, notice: Notice | None) -> None:
        self._notice = None if notice is None else CloudNotice(str(notice.kind), notice.at)

    def fail_engine(self, sentence: str) -> None:
        self.sentence = sentence
        write(self.paths.engine_exit, Exit(self.clock.now(), "signal", "killed", "KILL", 1, True))
        self._ending.append(asyncio.ensure_future(self.engine.die()))

    def keep(self, prompt_id: str, files: Sequence[tuple[str, bytes]]) -> None:
        folder = self.paths.engine_data / "output"
        for name, content in files:
            (folder / name).write_bytes(content)
        images = [{"filename": name, "subfolder": "", "type": "output"} for name, _ in files]
        self.engine.history[prompt_id] = {
            "prompt": [0, prompt_id, {}, {}, []],
            "outputs": {"9": {"images": images}},
            "status": {"status_str": "success", "messages": [["execution_success", {"timestamp": self.clock.now() * 1000}]]},
        }
        self.engine.tell()

    # What the agent asks of the machine.

    def read(self) -> list[Reading]:
        raise NoGpu("There is none.")

    def identity(self) -> Identity:
        return Identity("m1", "here", "small", "test", "default", False)

    def notice(self) -> CloudNotice | None:
        return self._notice

    async def _live(self, before: list[asyncio.Task[None]]) -> None:
        """One boot: guard and agent first, then the engine; root stops the machine when the agent asks for it."""
        await asyncio.gather(*before, return_exceptions=True)
        await self.guard.start()
        units = self.paths.root / "run/systemd/units"
        units.mkdir(parents=True, exist_ok=True)
        invocation = units / "invocation:comfyui.service"
        invocation.unlink(missing_ok=True)
        world = World(
            engine=EngineClient(self.engine.port),
            process=ToldProcess(self, units),
            gpus=self,
            metadata=self,
            commands=SystemCommands(),
            reader=DiskReader([self.paths.models]),
            systemd=Systemd({}),
            boot=lambda: f"boot {self._boots}",
            heartbeat=HEARTBEAT,
        )
        settings = Settings(engine=EngineSettings(port=self.engine.port), agent=AgentSettings(notice_seconds=0.1))
        agent = self.life = AgentDaemon(self.paths, settings, world)
        running = asyncio.ensure_future(agent.run())
        try:
            await self._told(Stage.BOOTING)
            invocation.symlink_to(f"start {self._boots}")
            await self._told(Stage.ENGINE)
            await self.engine.start()
            await self._wipe_until_stopped()
            # The reply is on its way before root has read the order.
            await asyncio.sleep(0.1)
            self.power_off()
        finally:
            await self._booked(agent)
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await self.engine.die()

    async def _wipe_until_stopped(self) -> None:
        """Root, who waits for orders."""
        order, told = self.paths.wipe_order, []
        while True:
            await until(lambda: order.exists() or self.paths.stop_order.exists())
            if not order.exists():
                return
            await self.engine.die()
            write(self.paths.engine_exit, Exit(self.clock.now(), "success", "killed", "TERM", 1, False))
            assert wipe(self.paths, lambda *words: told.append(words[0]))
            await self.engine.start()

    async def _booked(self, agent: AgentDaemon) -> None:
        """The power goes when the agent has booked what the test gave it to keep, which a machine in memory does at once."""
        keeper, given = agent.keeper, tuple(self.engine.history)
        await until(lambda: all(keeper.result(name) or name in keeper._acknowledged for name in given))

    async def _told(self, stage: Stage) -> None:
        """Returns when somebody listens and has been told of that stage: a real boot takes longer than a dial."""
        life = self.life
        assert life is not None
        await until(lambda: life.hub.listeners and life.state.facts.stage is stage)
        await asyncio.sleep(0.05)


class ToldProcess(UnitProcess):
    """A process whose end has the reason that the test has given."""

    def __init__(self, hands: Hands, units: Path) -> None:
        super().__init__(hands.paths.engine_exit, SystemCommands(), units)
        self._hands = hands

    async def why(self, ending: Exit) -> Trouble:
        return Trouble(Kind.CRASH, self._hands.sentence)


class MachineWorld(AddressWorld):
    heartbeat, silence = HEARTBEAT, 1.5

    def __init__(self, hands: Hands, guard: NginxGuard) -> None:
        super().__init__(guard.url, TOKEN, guard.certificate.fingerprint)
        self.hands: MemoryMachine = hands  # type: ignore[assignment]


@asynccontextmanager
async def machine_world(_: Path) -> AsyncIterator[MachineWorld]:
    engine = SmallEngine()
    await engine.start()
    async with nginx_guard(TOKEN, engine.port) as guard:
        hands = Hands(guard, engine)
        await hands.engine.die()
        hands.power_on(TOKEN)
        await until(lambda: hands.life is not None and hands.life.server.started)
        yield MachineWorld(hands, guard)
        await hands.close()
    await hung_up(guard.port)

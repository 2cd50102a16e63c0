"""The real agent in a scratch folder, before a small engine and behind a small guard: what test_our_machine moves by hand."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web
from yarl import URL

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
from cloud_image.door import Door
from cloud_image.metadata import Identity
from cloud_image.metadata import Notice as CloudNotice
from cloud_image.paths import Paths
from cloud_image.settings import AgentSettings, EngineSettings, Settings
from tests.contract.agent.worlds import TOKEN, AddressWorld
from tests.support.certificates import self_signed
from tests.support.guard import HOP_BY_HOP, Guard, respond, serving
from wake_service.agent.link import Answer
from wake_service.agent.memory import MemoryMachine, problem
from wake_service.agent.text import read_message
from wake_service.agent.wire import WIRE_HEADER, Notice, Report
from wake_service.clock import SystemClock

FOLDERS = ("run/wakebrush/door", "run/wakebrush/agent", "run/wakebrush/guard", "run/wakebrush/idle", "run/wakebrush/engine")
LASTING = ("var/lib/wakebrush/agent", "var/lib/wakebrush/models", "var/lib/comfyui/input", "var/lib/comfyui/output")
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
    """Moves the machine as MemoryMachine is moved. `life` is the agent of the present boot; `silent` lets the guard hang."""

    def __init__(self, root: Path) -> None:
        self.paths = Paths(root)
        self.clock = SystemClock()
        self.engine = SmallEngine()
        self.life: AgentDaemon | None = None
        self.silent = False
        self.token: str | None = None
        self._boots = 0
        self._notice: CloudNotice | None = None
        self._sentence = ""
        self._living: asyncio.Task[None] | None = None
        self._ended: list[asyncio.Task[None]] = []
        for folder in (*FOLDERS, *LASTING):
            (root / folder).mkdir(parents=True)

    def power_on(self, token: str) -> None:
        self.power_off()
        self._boots += 1
        for folder in FOLDERS:
            shutil.rmtree(self.paths.root / folder)
            (self.paths.root / folder).mkdir()
        self.token, self.silent = token, False
        self._living = asyncio.ensure_future(self._live())

    def power_off(self) -> None:
        if self._living is not None:
            self._living.cancel()
            self._ended.append(self._living)
        self._living = self.life = self.token = None
        self.silent = False

    async def close(self) -> None:
        self.power_off()
        await asyncio.gather(*self._ended, return_exceptions=True)
        await self.engine.die()

    @property
    def inputs(self) -> dict[str, bytes]:
        folder = self.paths.engine_data / "input/wakebrush"
        return {path.name: path.read_bytes() for path in folder.iterdir()}

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
        self._sentence = sentence
        self.paths.engine_exit.write_text(json.dumps({"at": self.clock.now(), "result": "signal"}))
        self._ended.append(asyncio.ensure_future(self.engine.die()))

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

    async def _live(self) -> None:
        """One boot: the agent first, then the engine; root stops the machine when the agent asks for it."""
        units = self.paths.root / "run/systemd/units"
        units.mkdir(parents=True, exist_ok=True)
        invocation = units / "invocation:comfyui.service"
        invocation.unlink(missing_ok=True)
        world = World(
            engine=EngineClient(self.engine.port),
            process=UnitProcess(self.paths.engine_exit, SystemCommands(), lambda _, __: self._sentence, units),
            gpus=self,
            metadata=self,
            commands=SystemCommands(),
            reader=DiskReader([self.paths.models]),
            systemd=Systemd({}),
            boot=lambda: f"boot {self._boots}",
            heartbeat=HEARTBEAT,
        )
        settings = Settings(engine=EngineSettings(port=self.engine.port), agent=AgentSettings(notice_seconds=0.1))
        self.life = AgentDaemon(self.paths, settings, world)
        running = asyncio.ensure_future(self.life.run())
        try:
            await self._told(Stage.BOOTING)
            invocation.symlink_to(f"start {self._boots}")
            await self._told(Stage.ENGINE)
            await self.engine.start()
            await until(self.paths.stop_order.exists)
            # The reply is on its way before root has read the order.
            await asyncio.sleep(0.1)
            self.power_off()
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await self.engine.die()

    async def _told(self, stage: Stage) -> None:
        """Returns when somebody listens and has been told of that stage: a real boot takes longer than a dial."""
        life = self.life
        assert life is not None
        await until(lambda: life.hub.listeners and life.state.facts.stage is stage)
        await asyncio.sleep(0.05)

    # What the guard asks of the machine.

    def lets_in(self, token: str) -> bool:
        return self.token is not None and token == self.token

    def refuse_prompt(self) -> Answer | None:
        if not Door(self.paths.door).closers():
            return None
        error = {"type": "draining", "message": "This machine is about to stop.", "details": "", "extra_info": {}}
        return Answer(503, json.dumps({"error": error, "node_errors": {}}).encode(), headers={"Retry-After": "5"})


class SocketGuard(Guard):
    """A guard before the agent's own socket, as nginx is."""

    async def _session(self, application: web.Application) -> AsyncIterator[None]:
        agent = aiohttp.UnixConnector(str(self.machine.paths.agent_socket), force_close=True)
        async with aiohttp.ClientSession(connector=agent, auto_decompress=False) as self._machine_session:
            async for nothing in super()._session(application):
                yield nothing

    async def _agent(self, request: web.Request) -> web.StreamResponse:
        kept = {WIRE_HEADER: request.headers[WIRE_HEADER]} if WIRE_HEADER in request.headers else {}
        try:
            async with self._machine_session.ws_connect("http://agent/agent", headers=kept, max_msg_size=0) as agent:
                client = web.WebSocketResponse(max_msg_size=0)
                await client.prepare(request)
                ways = {asyncio.create_task(self._pump(agent, client)), asyncio.create_task(self._pump(client, agent))}
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)
                await client.close()
                return client
        except aiohttp.WSServerHandshakeError as refused:
            headers = {name: value for name, value in (refused.headers or {}).items() if name.lower() == WIRE_HEADER.lower()}
            return web.Response(status=refused.status, headers=headers)
        except aiohttp.ClientError:
            return respond(problem(502, "agent_unreachable", "The agent on this machine does not answer yet."))

    async def _agent_call(self, request: web.Request) -> web.StreamResponse:
        url = URL(f"http://agent{request.raw_path}", encoded=True)
        try:
            async with self._machine_session.request(request.method, url, data=await request.read()) as answer:
                body = await answer.read()
                headers = {name: value for name, value in answer.headers.items() if name.lower() not in HOP_BY_HOP}
                return web.Response(status=answer.status, body=body, headers=headers)
        except aiohttp.ClientError:
            return respond(problem(502, "agent_unreachable", "The agent on this machine does not answer yet."))

    async def _pump(self, source: Any, sink: Any) -> None:
        async for message in source:
            await until(lambda: not self.machine.silent)
            if message.type is aiohttp.WSMsgType.TEXT:
                await sink.send_str(message.data)


class MachineWorld(AddressWorld):
    heartbeat, silence = HEARTBEAT, 1.5

    def __init__(self, hands: Hands, url: str, fingerprint: str) -> None:
        super().__init__(url, TOKEN, fingerprint)
        self.hands: MemoryMachine = hands  # type: ignore[assignment]


@asynccontextmanager
async def machine_world(folder: Path) -> AsyncIterator[MachineWorld]:
    certificate = self_signed(folder)
    hands = Hands(folder / "machine")
    await hands.engine.start()
    port = hands.engine.port
    await hands.engine.die()
    guard = SocketGuard(hands, f"http://127.0.0.1:{port}")  # type: ignore[arg-type]
    async with serving(guard, certificate.context()) as url:
        hands.power_on(TOKEN)
        await until(lambda: hands.life is not None and hands.life.server.started)
        yield MachineWorld(hands, url, certificate.fingerprint)
        await hands.close()

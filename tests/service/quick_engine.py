"""An engine that paints in no time but the driven clock's: what it sends is what ComfyUI sends, without the network."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Mapping
from typing import Any

import aiohttp
import orjson
from PIL import Image

from wake_service.clock import Clock
from wake_service.comfy.client import EngineClient
from wake_service.comfy.events import ImageRef
from wake_service.comfy.reports import HistoryEntry, QueueState, SystemStats
from wake_service.providers.base import Door

PAINTING_SECONDS = 2.0


class Connection:
    """The engine's end of one `/ws`."""

    def __init__(self) -> None:
        self._messages: asyncio.Queue[aiohttp.WSMessage] = asyncio.Queue()

    def say(self, kind: str, **data: Any) -> None:
        text = orjson.dumps({"type": kind, "data": data}).decode()
        self._messages.put_nowait(aiohttp.WSMessage(aiohttp.WSMsgType.TEXT, text, None))

    async def receive(self) -> aiohttp.WSMessage:
        return await self._messages.get()

    async def send_str(self, text: str) -> None:
        return None

    async def close(self) -> None:
        self._messages.put_nowait(aiohttp.WSMessage(aiohttp.WSMsgType.CLOSED, None, None))

    def exception(self) -> BaseException | None:
        return None


class QuickEngine:
    """Paints one picture after the other, each of another colour. `object_info` is what it says of its nodes."""

    def __init__(self, clock: Clock, object_info: dict[str, Any]) -> None:
        self.clock = clock
        self.object_info = object_info
        self.painted = 0
        self._connection = Connection()
        self._pictures: dict[str, bytes] = {}
        self._running: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def ws_connect(self, url: str, **options: Any) -> Connection:
        self._connection = Connection()
        return self._connection

    def get(self, url: object, **options: Any) -> Any:
        """What is read of engines for when they sleep is not here."""
        raise aiohttp.ClientConnectionError(f"{url} is not there.")

    def begin(self, prompt_id: str, graph: Mapping[str, Any]) -> None:
        self._running.add(prompt_id)
        task = asyncio.create_task(self._paint(prompt_id, graph))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def occupy(self, prompt_id: str) -> None:
        """Somebody else has it paint."""
        self._running.add(prompt_id)

    def let_go(self, prompt_id: str) -> None:
        self._running.discard(prompt_id)

    def queue(self) -> QueueState:
        return QueueState(tuple(self._running))

    def hand_out(self, name: str) -> bytes:
        """A picture is kept by its engine until it was fetched."""
        return self._pictures.pop(name)

    async def _paint(self, prompt_id: str, graph: Mapping[str, Any]) -> None:
        say, whose = self._connection.say, {"prompt_id": prompt_id}
        sampler = next(node for node, content in graph.items() if content["class_type"] == "KSampler")
        say("execution_start", **whose)
        say("executing", node=sampler, **whose)
        say("progress", node=sampler, value=1, max=2, **whose)
        await self.clock.sleep(PAINTING_SECONDS)
        self.painted += 1
        name = f"{self.painted}.png"
        self._pictures[name] = _picture(self.painted)
        image = {"filename": name, "subfolder": "", "type": "output"}
        say("executed", node="save", output={"images": [image]}, **whose)
        self._running.discard(prompt_id)
        say("execution_success", **whose)


class QuickClient(EngineClient):
    """What the service holds of a QuickEngine."""

    def __init__(self, engine: QuickEngine, door: Door) -> None:
        super().__init__(door.url)
        self._engine = engine

    @property
    def session(self) -> Any:
        return self._engine

    async def system_stats(self) -> SystemStats:
        return SystemStats("0.3.64", (), {"system": {"comfyui_version": "0.3.64", "practice": True}})

    async def object_info(self) -> dict[str, Any]:
        return self._engine.object_info

    async def upload_image(self, name: str, data: bytes, *, subfolder: str = "wakebrush") -> str:
        return f"{subfolder}/{name}"

    async def submit(self, prompt_id: str, graph: Mapping[str, Any], *, client_id: str) -> None:
        self._engine.begin(prompt_id, graph)

    async def queue(self) -> QueueState:
        return self._engine.queue()

    async def history(self, prompt_id: str) -> HistoryEntry | None:
        return None

    async def view(self, image: ImageRef) -> bytes:
        return self._engine.hand_out(image.filename)


def _picture(number: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (64, 64), (number % 256, number // 256 % 256, 90)).save(buffer, "PNG")
    return buffer.getvalue()

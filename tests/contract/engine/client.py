"""Speaks ComfyUI's protocol with as little help as possible, and keeps everything it hears."""

from __future__ import annotations

import asyncio
import io
import json
import struct
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import numpy as np
from PIL import Image
from yarl import URL

from .worlds import World

SECONDS = 60.0


@dataclass(frozen=True)
class Answer:
    """An HTTP answer."""

    status: int
    headers: Any
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Listener:
    """One WebSocket and all its frames: (event, data) for texts, (number, bytes) for binary ones."""

    client: str
    socket: aiohttp.ClientWebSocketResponse
    frames: list[tuple[str | int, Any]] = field(default_factory=list)
    heard: asyncio.Event = field(default_factory=asyncio.Event)

    async def listen(self) -> None:
        async for message in self.socket:
            if message.type is aiohttp.WSMsgType.BINARY:
                self.frames.append((struct.unpack(">I", message.data[:4])[0], message.data[4:]))
            else:
                text = json.loads(message.data)
                self.frames.append((text["type"], text["data"]))
            self.heard.set()

    async def until(self, wanted: Callable[[str | int, Any], bool], after: int = 0) -> int:
        """Waits for a frame and returns its index; frames before index `after` do not count."""
        async with asyncio.timeout(SECONDS):
            while True:
                for index in range(after, len(self.frames)):
                    if wanted(*self.frames[index]):
                        return index
                self.heard.clear()
                await self.heard.wait()

    async def end_of(self, prompt_id: str) -> list[tuple[str | int, Any]]:
        """Waits for the end marker of a prompt; everything heard so far."""
        end = await self.until(lambda event, data: event == "executing" and data == {"node": None, "prompt_id": prompt_id})
        return self.frames[: end + 1]

    def named(self, event: str | int) -> list[Any]:
        """The data of all frames of one kind so far."""
        return [data for name, data in self.frames if name == event]


class Engine:
    """One world under test, as a client sees it.

    `checkpoint` is a model it has; `modern` is False for releases before the jobs API; `origin` is what a browser calls its own.
    """

    def __init__(self, url: str, session: aiohttp.ClientSession, world: World, *, modern: bool = True) -> None:
        self.url = url.rstrip("/")
        self.origin = str(URL(self.url).origin())
        self.session = session
        self.world = world
        self.modern = modern
        self.checkpoint = ""

    async def ask(self, method: str, path: str, **options: Any) -> Answer:
        async with self.session.request(method, self.url + path, **options) as response:
            return Answer(response.status, response.headers, await response.read())

    async def get(self, path: str, **options: Any) -> Answer:
        return await self.ask("GET", path, **options)

    async def post(self, path: str, **options: Any) -> Answer:
        return await self.ask("POST", path, **options)

    async def send(self, graph: dict[str, Any], **members: Any) -> str:
        """Queues a graph; its prompt id."""
        answer = await self.post("/prompt", json={"prompt": graph, **members})
        assert answer.status == 200, answer.body
        return str(answer.json()["prompt_id"])

    @asynccontextmanager
    async def listening(self, client: str | None = None, flags: dict[str, Any] | None = None) -> AsyncIterator[Listener]:
        """A WebSocket of a client (a new one by default) that has heard its first status."""
        client = client or uuid.uuid4().hex
        async with self.session.ws_connect(f"{self.url}/ws?clientId={client}", max_msg_size=0) as socket:
            if flags is not None:
                await socket.send_json({"type": "feature_flags", "data": flags})
            listener = Listener(client, socket)
            task = asyncio.create_task(listener.listen())
            await listener.until(lambda event, data: event == "status" and "sid" in data)
            try:
                yield listener
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    async def run(self, graph: dict[str, Any], flags: dict[str, Any] | None = None) -> tuple[str, list[tuple[str | int, Any]]]:
        """Runs a graph to its end: its prompt id and all frames."""
        async with self.listening(flags=flags) as listener:
            prompt_id = await self.send(graph, client_id=listener.client)
            return prompt_id, await listener.end_of(prompt_id)

    async def pictures(self, graph: dict[str, Any]) -> list[np.ndarray]:
        """Runs a graph and fetches what its first output node saved, as arrays of 0 to 255."""
        prompt_id, _ = await self.run(graph)
        entry = (await self.get(f"/history/{prompt_id}")).json()[prompt_id]
        assert entry["status"]["completed"], entry["status"]
        images = next(iter(entry["outputs"].values()))["images"]
        return [await self.picture(image) for image in images]

    async def picture(self, reference: dict[str, str]) -> np.ndarray:
        answer = await self.get("/view", params=reference)
        assert answer.status == 200
        return np.asarray(Image.open(io.BytesIO(answer.body)).convert("RGB"), np.int16)

    async def upload(self, name: str, image: Image.Image | bytes, path: str = "/upload/image", **fields: str) -> Answer:
        if isinstance(image, Image.Image):
            buffer = io.BytesIO()
            image.save(buffer, "PNG")
            image = buffer.getvalue()
        form = aiohttp.FormData()
        form.add_field("image", image, filename=name, content_type="image/png")
        for field_name, value in fields.items():
            form.add_field(field_name, value)
        return await self.post(path, data=form)

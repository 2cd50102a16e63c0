"""The Comfy API v2 as its clients use it, without a network: JSON in and out, and a stream of events."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.service.house import DEADLINE, House
from tests.support.asgi import Answer, Caller

TERMINAL = {"succeeded", "failed", "canceled", "expired"}


def node(kind: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": kind, "inputs": inputs}


def flat(colour: int = 255, prefix: str = "flat") -> dict[str, Any]:
    """A picture of one colour, saved; nothing has to be loaded for it."""
    return {
        "1": node("EmptyImage", width=64, height=64, batch_size=1, color=colour),
        "2": node("SaveImage", filename_prefix=prefix, images=["1", 0]),
    }


def inverted(image: Any, prefix: str = "inverted") -> dict[str, Any]:
    """An uploaded picture, inverted and saved."""
    return {
        "1": node("LoadImage", image=image),
        "2": node("ImageInvert", image=["1", 0]),
        "3": node("SaveImage", filename_prefix=prefix, images=["2", 0]),
    }


@dataclass
class Events:
    """What a stream has said so far: (name, data); comments are counted."""

    heard: list[tuple[str, Any]] = field(default_factory=list)
    comments: int = 0
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    headers: dict[str, str] = field(default_factory=dict)
    status: int = 0
    rest: bytes = b""

    def take(self, data: bytes) -> None:
        *frames, self.rest = (self.rest + data).split(b"\n\n")
        for frame in frames:
            if frame.startswith(b":"):
                self.comments += 1
                continue
            name, content = frame.decode().split("\n")
            self.heard.append((name.removeprefix("event: "), json.loads(content.removeprefix("data: "))))

    def named(self, name: str) -> list[Any]:
        return [data for each, data in self.heard if each == name]

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.heard]


class Api:
    """One caller. `at` is what stands before `/api/v2`: nothing, `/comfy`, or `/t/TOKEN`."""

    def __init__(self, house: House, token: str | None, at: str = "") -> None:
        self.house = house
        self.at = at
        self._caller = Caller(house.gateway, token)

    async def ask(self, method: str, path: str, **more: Any) -> Answer:
        return await self._caller.ask(method, f"{self.at}/api/v2{path}", **more)

    async def submit(self, workflow: dict[str, Any], key: str | None = None, **more: Any) -> Answer:
        headers = {} if key is None else {"Idempotency-Key": key}
        return await self.ask("POST", "/jobs", json={"workflow": workflow, **more}, headers=headers)

    async def job(self, job_id: str) -> dict[str, Any]:
        answer = await self.ask("GET", f"/jobs/{job_id}")
        assert answer.status == 200, answer.body
        job: dict[str, Any] = answer.json
        return job

    async def accepted(self, workflow: dict[str, Any], **more: Any) -> dict[str, Any]:
        answer = await self.submit(workflow, **more)
        assert answer.status == 201, answer.body
        job: dict[str, Any] = answer.json
        return job

    async def ended(self, job_id: str) -> dict[str, Any]:
        """Lets time pass until the job is at its end."""
        async with asyncio.timeout(DEADLINE):
            while (job := await self.job(job_id))["status"] not in TERMINAL:
                await self.house.clock.advance(0.25)
                await asyncio.sleep(0.005)
        return job

    @asynccontextmanager
    async def events(self, job_id: str) -> AsyncIterator[Events]:
        """Follows a job until the end of the block."""
        events = Events()
        gone = asyncio.Event()

        async def receive() -> dict[str, Any]:
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                events.status = message["status"]
                events.headers = {name.decode(): value.decode() for name, value in message["headers"]}
            else:
                events.take(message["body"])
                if not message.get("more_body"):
                    events.ended.set()

        scope = self._caller._scope("http", f"{self.at}/api/v2/jobs/{job_id}/events", {"accept": "text/event-stream"})
        running = asyncio.create_task(self.house.gateway({**scope, "method": "GET"}, receive, send))
        try:
            yield events
        finally:
            gone.set()
            await asyncio.wait_for(running, DEADLINE)

    async def until_ended(self, events: Events) -> None:
        """Lets time pass until a stream has ended."""
        async with asyncio.timeout(DEADLINE):
            while not events.ended.is_set():
                await self.house.clock.advance(0.25)
                await asyncio.sleep(0.005)


def code(answer: Answer) -> tuple[int, str]:
    """Status and code of an error in the API's envelope."""
    error = answer.json["error"]
    assert set(error) == {"code", "message", "details"} and error["message"].endswith("."), error
    return answer.status, error["code"]

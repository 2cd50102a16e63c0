"""A courier: what an engine says reaches the client in order, results only once they are stored, and nothing twice."""

from __future__ import annotations

import asyncio
import json
import struct
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from wake_service.clock import ManualClock
from wake_service.comfy.events import decode_binary, decode_text
from wake_service.errors import EngineRefused, EngineUnreachable, StorageError
from wake_service.files.model import FileName, StoredFile
from wake_service.jobs.courier import Missed
from wake_service.jobs.model import Face, Job, WorkflowRequest
from wake_service.workflows.courier import Passed, WorkflowCourier
from wake_service.workflows.frames import Frame, Kind
from wake_service.workflows.records import Stored

UPSTREAM, NAME = "0d9f2c50-9f8e-4b0e-8f0c-1df0d6d64b2a", "mine"
GRAPH = {
    "1": {"class_type": "EmptyImage", "inputs": {}},
    "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0]}},
    "3": {"class_type": "SaveImageWebsocket", "inputs": {"images": ["1", 0]}},
}
OUTPUT = {"images": [{"filename": "a_00001_.png", "subfolder": "wakebrush/x", "type": "output"}]}


class Engine:
    def __init__(self) -> None:
        self.history: dict[str, Any] = {}

    async def history_entry(self, prompt_id: str) -> dict[str, Any]:
        return self.history


class Luggage:
    """Stores when it is let; `trouble` are errors that come first."""

    def __init__(self) -> None:
        self.client: Any = Engine()
        self.clock = ManualClock()
        self.let = asyncio.Event()
        self.let.set()
        self.trouble: list[Exception] = []
        self.kept: list[str] = []
        self.fresh = True
        self.before: list[tuple[StoredFile, bytes]] = []

    async def stored(self, job_id: str) -> Stored:
        return Stored(job_id, "mira", orjson.dumps(GRAPH), "{}", "a", 1.0, "[]")

    def is_fresh(self, job_id: str) -> bool:
        return self.fresh

    async def recall(self, job_id: str) -> list[tuple[StoredFile, bytes]]:
        return self.before

    async def bring(self, files: object) -> dict[str, str]:
        return {}

    def followed(self, job_id: str) -> bool:
        return False

    def catalogue(self) -> None:
        return None

    def is_output(self, class_type: str | None) -> bool:
        return class_type == "SaveImage"

    def secrets(self, job_id: str) -> dict[str, Any]:
        return {"api_key_comfy_org": "hush"}

    async def _keep(self, name: str) -> StoredFile:
        await self.let.wait()
        if self.trouble:
            raise self.trouble.pop(0)
        self.kept.append(name)
        return file(name)

    async def keep_picture(self, job: Job, node: str, index: int, picture: Any) -> StoredFile:
        return await self._keep(f"{node}_{index}.png")

    async def keep_output(self, job: Job, node: str, output: Any, folder: str) -> tuple[Any, list[StoredFile]]:
        kept = await self._keep(f"{node}.png")
        return {"images": [{"filename": kept.name.name, "subfolder": "", "type": "output"}]}, [kept]


def file(name: str, node: str = "3") -> StoredFile:
    return StoredFile(FileName("temp", "websocket", name), "0" * 64, 3, "image/png", 0.0, "job", node)


class Desk:
    """A courier and all that it says."""

    def __init__(self, passed: Passed | None = None, before: list[asyncio.Event] | None = None) -> None:
        self.luggage = Luggage()
        self.passed = passed or Passed()
        self.sent: list[Frame] = []
        self.verdicts: list[Any] = []
        self.waits = True
        request = WorkflowRequest(Face.COMFY, NAME)
        job = Job(1, "job", "mira", "team", "default", request, 0.0)
        self.courier = WorkflowCourier(
            job,
            UPSTREAM,
            self.luggage,  # type: ignore[arg-type]
            self.passed,
            lambda client_id, frame: self.sent.append(frame),
            lambda news: None,
            self._decided,
            lambda: before or [],
            lambda: None,
        )

    def _decided(self, verdict: Any) -> bool:
        self.verdicts.append(verdict)
        return self.waits

    def say(self, kind: str, **data: Any) -> None:
        raw = json.dumps({"type": kind, "data": {"prompt_id": UPSTREAM, **data}})
        self.courier.heard(decode_text(raw), raw)

    def picture(self, image: bytes, kind: str = "image/png", node: str = "3") -> None:
        header = json.dumps({"prompt_id": UPSTREAM, "node_id": node, "image_type": kind}).encode()
        raw = struct.pack(">II", 4, len(header)) + header + image
        self.courier.heard(decode_binary(raw), raw)

    def kinds(self) -> list[str]:
        return [json.loads(f.body)["type"] if isinstance(f.body, str) else f.kind.value for f in self.sent]


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not true():  # noqa: ASYNC110 - what it waits for is a list that grows
            await asyncio.sleep(0)


async def opened(**more: Any) -> Desk:
    desk = Desk(**more)
    await desk.courier.graph()
    return desk


async def test_what_follows_a_result_waits_until_the_result_is_stored() -> None:
    desk = await opened()
    desk.luggage.let.clear()
    desk.say("execution_start")
    desk.say("executed", node="2", output=OUTPUT)
    desk.say("executing", node="3")
    desk.picture(b"png")
    desk.say("progress", node="3", value=1, max=1)
    assert desk.kinds() == ["execution_start"]
    desk.luggage.let.set()
    await until(lambda: len(desk.sent) == 5)
    assert desk.kinds() == ["execution_start", "executed", "executing", "result", "progress"]
    assert json.loads(desk.sent[1].body)["data"]["output"]["images"][0]["filename"] == "2.png"
    assert all(UPSTREAM not in str(frame.body) for frame in desk.sent)


async def test_previews_are_dropped_while_a_result_is_being_stored_and_wait_for_nothing_else() -> None:
    desk = await opened()
    desk.picture(b"jpg", "image/jpeg", "1")
    assert [frame.kind for frame in desk.sent] == [Kind.PREVIEW]
    desk.luggage.let.clear()
    desk.say("executed", node="2", output=OUTPUT)
    desk.picture(b"jpg", "image/jpeg", "1")
    desk.luggage.let.set()
    await desk.courier.finish()
    assert [frame.kind for frame in desk.sent] == [Kind.PREVIEW, Kind.RESULT]


async def test_a_result_that_cannot_be_stored_is_tried_until_it_can() -> None:
    desk = await opened()
    desk.luggage.trouble = [StorageError("full"), StorageError("full")]
    desk.picture(b"png")
    await desk.luggage.clock.advance(0)
    for _ in range(3):
        await desk.luggage.clock.advance(2.0)
    await desk.courier.finish()
    assert desk.luggage.kept == ["3_0.png"]


async def test_a_second_try_tells_nothing_twice() -> None:
    first = await opened()
    first.say("execution_start")
    first.picture(b"png")
    first.say("executed", node="2", output=OUTPUT)
    await first.courier.finish()
    second = await opened(passed=first.passed)
    second.say("execution_start")
    second.picture(b"png")
    second.picture(b"another")
    second.say("executed", node="2", output=OUTPUT)
    await second.courier.finish()
    assert second.kinds() == ["result"]
    assert second.luggage.kept == ["3_1.png"]


async def test_what_was_said_while_nobody_listened_is_read_from_the_history() -> None:
    desk = await opened()
    desk.picture(b"png")
    desk.courier.missed()
    desk.luggage.client.history = {UPSTREAM: {"outputs": {"2": OUTPUT}}}
    await desk.courier.finish()
    assert desk.kinds() == ["result", "executed"]


async def test_pictures_that_came_while_nobody_listened_are_lost_and_the_prompt_runs_again() -> None:
    desk = await opened()
    desk.courier.missed()
    desk.luggage.client.history = {UPSTREAM: {"outputs": {"2": OUTPUT}}}
    with pytest.raises(Missed):
        await desk.courier.finish()


async def test_an_engine_that_has_forgotten_a_prompt_must_run_it_again() -> None:
    desk = await opened()
    desk.luggage.trouble = [EngineUnreachable("gone")]
    desk.say("executed", node="2", output=OUTPUT)
    with pytest.raises(Missed):
        await desk.courier.finish()


async def test_what_an_earlier_service_has_stored_is_sent_and_not_made_again() -> None:
    desk = Desk()
    desk.luggage.fresh = False
    desk.luggage.before = [(file("3_0.png"), b"png")]
    await desk.courier.graph()
    assert desk.kinds() == ["result"]
    assert desk.sent[0].for_client(headers=False) == struct.pack(">II", 1, 2) + b"png"
    desk.picture(b"png")
    await desk.courier.finish()
    assert desk.luggage.kept == []


async def test_the_next_prompt_of_an_engine_begins_after_the_end_of_the_one_before() -> None:
    told = asyncio.Event()
    desk = await opened(before=[told])
    desk.say("execution_start")
    assert desk.sent == []
    told.set()
    await until(lambda: desk.kinds() == ["execution_start"])


async def test_the_end_is_kept_for_when_it_is_durable() -> None:
    desk = await opened()
    desk.say("execution_success", timestamp=1)
    desk.say("executing", node=None)
    assert desk.sent == []
    assert desk.courier.end == ("execution_success", {"prompt_id": NAME, "timestamp": 1})
    assert desk.courier.ended.is_set()


async def test_a_refusal_is_told_in_the_answer_where_somebody_waits_for_it() -> None:
    desk = await opened()
    refused = EngineRefused("prompt_no_outputs", "no")
    desk.courier.refused(refused)
    assert (desk.verdicts, desk.courier.answered) == ([refused], True)
    late = await opened()
    late.waits = False
    late.courier.refused(refused)
    assert (late.courier.answered, late.courier.refusal) == (False, refused)


async def test_secrets_go_with_the_graph() -> None:
    desk = await opened()
    assert desk.courier.extra() == {"extra_data": {"api_key_comfy_org": "hush"}}

"""What goes wrong inside is a sentence outside, and nothing acknowledged is lost."""

from __future__ import annotations

import hashlib
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.service.conftest import practice_engine
from tests.service.house import House, accepted, generate
from tests.service.test_pictures import painted
from tests.support.asgi import Answer
from tests.support.pictures import png
from wake_service.blobs.base import BlobInfo, Data
from wake_service.errors import StorageFull
from wake_service.machines.model import MachineState
from wake_service.practice_engine.options import Options, Timing


def sentences(answer: Answer) -> None:
    assert answer.headers["content-type"] == "application/problem+json"
    document = answer.json
    assert document["type"] == f"urn:wakebrush:error:{document['code']}"
    assert document["status"] == answer.status
    assert document["title"].endswith(".") and document["hint"].endswith(".")
    assert b"Traceback" not in answer.body and b"wake_service" not in answer.body


async def test_a_full_disk_refuses_an_upload_and_keeps_what_is_there(house: House) -> None:
    data = png()
    path = f"/v1/blobs/{hashlib.sha256(data).hexdigest()}"
    house.blobs.capacity = 10
    answer = await house.mira.ask("PUT", path, body=data)
    assert (answer.status, answer.code) == (507, "storage_full")
    sentences(answer)
    assert (await house.mira.ask("HEAD", path)).status == 404
    house.blobs.capacity = None
    assert (await house.mira.ask("PUT", path, body=data)).status == 201


async def test_a_full_disk_refuses_a_job_and_the_next_try_is_accepted(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    before = await accepted(house.mira)

    async def full(_work: object) -> None:
        raise StorageFull("The disk is full.")

    with monkeypatch.context() as broken:
        broken.setattr(house.service.store, "write", full)
        answer = await generate(house.mira, key="k")
        assert (answer.status, answer.code) == (507, "storage_full")
        sentences(answer)
        assert (await house.mira.ask("GET", f"/v1/jobs/{before['id']}")).json["state"] == "queued"
    after = await accepted(house.mira, key="k")
    listed = (await house.mira.ask("GET", "/v1/jobs")).json["jobs"]
    assert [job["id"] for job in listed] == [after["id"], before["id"]]


async def test_a_picture_that_cannot_be_kept_is_kept_once_there_is_room(
    painting_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine holds it meanwhile."""
    house, tries, put = painting_house, 0, painting_house.blobs.put

    async def full_at_first(data: Data, **limits: Any) -> BlobInfo:
        nonlocal tries
        tries += 1
        if tries <= 3:
            raise StorageFull("The disk is full.")
        return await put(data, **limits)

    monkeypatch.setattr(house.blobs, "put", full_at_first)
    stream = await house.stream()
    job = await accepted(house.mira)
    ended = await painted(house, stream, job["id"])
    assert (ended["state"], ended["attempt"], tries) == ("succeeded", 1, 4)
    await stream.close()


async def test_a_mistake_of_ours_is_a_reference_and_no_stack_trace(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def mistake() -> None:
        raise RuntimeError("a secret detail")

    monkeypatch.setattr(house.service, "machine_views", mistake)
    answer = await house.mira.ask("GET", "/v1/machines")
    assert (answer.status, answer.code) == (500, "internal_error")
    sentences(answer)
    assert b"secret" not in answer.body
    reference = answer.json["detail"].removeprefix("Reference ")
    assert reference in caplog.text and "a secret detail" in caplog.text
    assert answer.headers["wakebrush-service"].endswith("; api=1-1")


async def test_a_job_whose_engine_goes_silent_is_painted_by_the_next_one(tmp_path: Path) -> None:
    """Nobody saw the machine stop: it is stopped by force, woken again, and the picture comes once."""
    async with AsyncExitStack() as first, practice_engine(Options(tmp_path / "second")) as second:
        slow = Options(tmp_path / "first", timing=Timing(step=0.2))
        house = House(tmp_path / "data", await first.enter_async_context(practice_engine(slow)))
        async with house.open():
            stream = await house.stream()
            job = await accepted(house.mira)
            await house.until(MachineState.BUSY)
            house.provider.cloud.machines["m1"].address = second
            await first.aclose()
            ended = await painted(house, stream, job["id"])
            assert (ended["state"], ended["attempt"], len(ended["results"])) == ("succeeded", 2, 1)  # type: ignore[arg-type]
            told = [event["type"] for event in stream.seen if event["job"] == job["id"]]
            assert (told.count("job.requeued"), told.count("job.result")) == (1, 1)
            assert [call.force for call in house.provider.calls if call.name == "stop"] == [True]
            await stream.close()

"""From the request to the picture, through the practice engine."""

from __future__ import annotations

import asyncio
import hashlib

import pytest

from tests.service.house import House, accepted, upload
from tests.support.asgi import Stream
from tests.support.pictures import mask_png, opened, png
from wake_service.clock import iso
from wake_service.machines.model import MachineState


async def painted(house: House, stream: Stream, job_id: str) -> dict[str, object]:
    """The job once it has ended, while time passes."""

    async def pass_time() -> None:
        while True:
            await house.clock.advance(0.5)
            await asyncio.sleep(0.01)

    passing = asyncio.create_task(pass_time())
    try:
        ended = ("job.succeeded", "job.failed", "job.cancelled")
        last = await stream.until(lambda event: event["type"] in ended and event["job"] == job_id)
    finally:
        passing.cancel()
    job: dict[str, object] = last["data"]["job"]
    return job


async def test_a_picture_travels_from_a_sleeping_machine_to_the_artist_and_to_nobody_else(painting_house: House) -> None:
    house = painting_house
    stream = await house.stream()
    assert (await stream.next())["type"] == "snapshot"
    job = await accepted(house.mira, seed=7, count=2)
    ended = await painted(house, stream, job["id"])
    assert (ended["state"], ended["error"], ended["waiting_for"], ended["machine"]) == ("succeeded", None, None, "m1")
    assert [(result["n"], result["seed"]) for result in ended["results"]] == [(0, 7), (1, 8)]  # type: ignore[attr-defined]
    told = [event["type"] for event in stream.seen if event["job"] == job["id"] and event["seq"] is not None]
    assert told[0] == "job.queued" and told[-2:] == ["job.result", "job.succeeded"]
    assert told.index("job.running") < told.index("job.result")
    assert "job.progress" in {event["type"] for event in stream.seen}
    seqs = [event["seq"] for event in stream.seen if event["seq"] is not None]
    assert seqs == list(range(len(seqs)))

    path = f"/v1/jobs/{job['id']}/results/0"
    picture = await house.mira.ask("GET", path)
    checksum = hashlib.sha256(picture.body).hexdigest()
    assert (picture.status, picture.headers["etag"]) == (200, f'"{checksum}"')
    assert (picture.headers["content-type"], opened(picture.body).size) == ("image/png", (64, 64))
    unchanged = await house.mira.ask("GET", path, headers={"If-None-Match": f'"{checksum}"'})
    assert (unchanged.status, unchanged.body) == (304, b"")
    assert (await house.noor.ask("GET", path)).code == "not_found"
    assert (await house.noor.ask("HEAD", f"/v1/blobs/{checksum}")).status == 404

    await house.blobs.delete(checksum)
    gone = await house.mira.ask("GET", path)
    assert (gone.status, gone.code) == (410, "result_gone")
    await stream.close()


async def test_previews_are_binary_frames_that_name_their_job_and_step(painting_house: House) -> None:
    house = painting_house
    stream = await house.stream()
    job = await accepted(house.mira)
    await painted(house, stream, job["id"])
    assert stream.previews
    for preview in stream.previews:
        assert set(preview.header) == {"job", "picture", "step", "steps", "media_type"}
        assert (preview.header["job"], preview.header["picture"]) == (job["id"], 0)
        assert f"image/{(opened(preview.image).format or '').lower()}" == preview.header["media_type"]
    await stream.close()


@pytest.mark.parametrize("mode", ["image_to_image", "inpaint"])
async def test_a_picture_starts_from_hers(painting_house: House, mode: str) -> None:
    await paint_from_hers(painting_house, mode)


async def test_what_was_delivered_while_the_machine_booted_and_is_not_there_is_sent_again(painting_house: House) -> None:
    """This house's cloud says that it took the pictures, but its engine has never seen them."""
    painting_house.provider.cloud.takes_inputs = True
    await paint_from_hers(painting_house, "inpaint")
    assert len(painting_house.provider.cloud.machines["m1"].inputs) == 2


async def paint_from_hers(house: House, mode: str) -> None:
    stream = await house.stream()
    fields = {"image": await upload(house.mira, png(72, 64))}
    if mode == "inpaint":
        fields["mask"] = await upload(house.mira, mask_png(72, 64))
    job = await accepted(house.mira, mode=mode, strength=0.5, **fields)
    ended = await painted(house, stream, job["id"])
    assert (ended["state"], ended["error"]) == ("succeeded", None)
    assert opened((await house.mira.ask("GET", f"/v1/jobs/{job['id']}/results/0")).body).size == (72, 64)
    await stream.close()


async def test_after_the_last_picture_the_machine_rests_and_then_sleeps(painting_house: House) -> None:
    house = painting_house
    stream = await house.stream()
    job = await accepted(house.mira)
    await painted(house, stream, job["id"])
    await house.until(MachineState.READY)
    (machine,) = (await house.mira.ask("GET", "/v1/machines")).json["machines"]
    lease = house.service.fleet.get("m1").lease_until
    assert machine["sleeps_at"] == iso(lease)
    await house.clock.advance(lease - house.clock.now() - 1)
    assert house.state is MachineState.READY
    await house.until(MachineState.ASLEEP)
    await stream.close()

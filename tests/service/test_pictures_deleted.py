"""How long pictures are kept, how much of them, and what an artist deletes herself."""

from __future__ import annotations

import hashlib
from typing import Any

from sqlalchemy import Connection, func, insert, select

from tests.service.house import House, accepted, generate, until_gone, upload
from tests.support.pictures import png
from wake_service.blobs.base import BlobInfo
from wake_service.blobs.life import DAY, GRACE_SECONDS
from wake_service.blobs.memory import MemoryBlobs
from wake_service.jobs.collector import record_result
from wake_service.jobs.events import EventType
from wake_service.jobs.model import Result, with_result
from wake_service.settings import load
from wake_service.store.store import Transaction
from wake_service.store.tables import events, jobs, ledger, tokens, wakes

RESULT = png(64, 64, (1, 2, 3))
CHECKSUM = hashlib.sha256(RESULT).hexdigest()


async def finish(house: House, job_id: str, data: bytes = RESULT) -> None:
    """What a machine does: stores a picture, then tells it."""
    service = house.service
    blob = await service.shelf.put(data)
    job = await service.book.find(job_id)
    assert job is not None
    now = house.clock.now()
    result = Result(0, blob.sha256, "image/png", 64, 64, blob.size, job.request.seed)

    def also(tx: Any) -> None:
        record_result(job, result, now, tx)

    assert await service.book.change(job, with_result(job, result, 0, now), [EventType.JOB_SUCCEEDED], also=also)


async def painted(house: House, who: Any, **fields: Any) -> str:
    job_id: str = (await accepted(who, **fields))["id"]
    await finish(house, job_id)
    return job_id


def later(house: House, seconds: float) -> None:
    """Leaps over a long time in which nobody does anything: moving through it would wake every sleeper of months."""
    house.clock._now += seconds


async def sweep(house: House) -> None:
    later(house, GRACE_SECONDS)
    await house.service.sweeper.sweep()


async def test_an_upload_that_nobody_used_goes_when_its_pin_is_over(house: House) -> None:
    checksum = await upload(house.mira, png())
    later(house, DAY - 1)
    await sweep(house)
    assert not await house.blobs.exists(checksum)
    assert (await house.mira.ask("HEAD", f"/v1/blobs/{checksum}")).status == 404
    assert (await generate(house.mira, mode="image_to_image", image=checksum)).code == "blob_missing"


async def test_looking_for_an_upload_keeps_it_for_another_day(house: House) -> None:
    checksum = await upload(house.mira, png())
    later(house, DAY - 1)
    assert (await house.mira.ask("HEAD", f"/v1/blobs/{checksum}")).status == 204
    await sweep(house)
    assert (await generate(house.mira, mode="image_to_image", image=checksum)).status == 202


async def test_what_a_waiting_job_starts_from_stays_however_long_it_waits(house: House) -> None:
    checksum = await upload(house.mira, png())
    await accepted(house.mira, mode="image_to_image", image=checksum)
    later(house, 30 * DAY)
    await sweep(house)
    assert await house.blobs.exists(checksum)


async def test_a_result_is_kept_its_days_and_then_said_to_be_gone(house: House) -> None:
    job_id = await painted(house, house.mira)
    later(house, 90 * DAY - 2 * GRACE_SECONDS)
    await sweep(house)
    assert (await house.mira.ask("GET", f"/v1/jobs/{job_id}/results/0")).body == RESULT
    later(house, 2 * GRACE_SECONDS)
    await sweep(house)
    answer = await house.mira.ask("GET", f"/v1/jobs/{job_id}/results/0")
    assert (answer.status, answer.code) == (410, "result_gone")
    assert not await house.blobs.exists(CHECKSUM)
    assert (await house.mira.ask("GET", f"/v1/jobs/{job_id}")).json["state"] == "succeeded"


async def test_a_job_is_forgotten_with_the_history(house: House) -> None:
    job_id = await painted(house, house.mira)
    later(house, 400 * DAY + 1)
    await sweep(house)
    await house.service.housekeeping.tidy()
    house.mira = await house.token()
    assert (await house.mira.ask("GET", f"/v1/jobs/{job_id}")).code == "not_found"


async def test_deleting_all_pictures_takes_hers_and_leaves_those_of_others(house: House) -> None:
    image = await upload(house.mira, png())
    hers = await painted(house, house.mira, mode="image_to_image", image=image, prompt="a secret garden")
    await upload(house.noor, png())
    others = await painted(house, house.noor)
    answer = await house.mira.ask("DELETE", "/v1/pictures")
    assert (answer.status, answer.json) == (200, {"jobs": 1, "pictures": 1, "held": 2})
    await sweep(house)
    assert (await house.mira.ask("GET", f"/v1/jobs/{hers}/results/0")).code == "result_gone"
    assert (await house.mira.ask("GET", f"/v1/jobs/{hers}")).json["prompt"] == ""
    assert (await house.mira.ask("HEAD", f"/v1/blobs/{image}")).status == 404
    assert (await house.noor.ask("GET", f"/v1/jobs/{others}/results/0")).body == RESULT
    assert (await house.noor.ask("HEAD", f"/v1/blobs/{image}")).status == 204


async def test_her_words_are_nowhere_in_the_database_after_she_deleted_them(house: House) -> None:
    await painted(house, house.mira, prompt="a secret garden", negative_prompt="secret weeds")
    assert (await house.mira.ask("DELETE", "/v1/pictures")).status == 200
    texts = await house.service.store.read(
        lambda conn: [*conn.execute(select(jobs.c.request)).scalars(), *conn.execute(select(events.c.data)).scalars()]
    )
    assert texts and not [text for text in texts if "secret" in text]


async def test_bytes_that_nobody_else_holds_go_at_the_next_sweep(house: House) -> None:
    await painted(house, house.mira)
    await house.mira.ask("DELETE", "/v1/pictures")
    await sweep(house)
    assert not await house.blobs.exists(CHECKSUM)


async def test_nothing_is_deleted_while_a_picture_is_being_painted(house: House) -> None:
    job_id = await painted(house, house.mira)
    waiting = await accepted(house.mira)
    for path in ("/v1/pictures", f"/v1/jobs/{waiting['id']}/results"):
        answer = await house.mira.ask("DELETE", path)
        assert (answer.status, answer.code) == (409, "jobs_unfinished")
        assert "Cancel" in answer.json["hint"]
    assert (await house.mira.ask("GET", f"/v1/jobs/{job_id}/results/0")).status == 200


async def test_one_jobs_pictures_can_be_deleted_alone(house: House) -> None:
    first = await painted(house, house.mira, prompt="a secret garden")
    second = await painted(house, house.mira, prompt="a lighthouse")
    answer = await house.mira.ask("DELETE", f"/v1/jobs/{first}/results")
    assert (answer.status, answer.json) == (200, {"pictures": 1})
    await sweep(house)
    assert (await house.mira.ask("GET", f"/v1/jobs/{first}/results/0")).code == "result_gone"
    assert (await house.mira.ask("GET", f"/v1/jobs/{first}")).json["prompt"] == ""
    assert (await house.mira.ask("GET", f"/v1/jobs/{second}/results/0")).body == RESULT
    assert (await house.mira.ask("GET", f"/v1/jobs/{second}")).json["prompt"] == "a lighthouse"


async def test_nobody_deletes_anothers_pictures(house: House) -> None:
    job_id = await painted(house, house.mira)
    assert (await house.noor.ask("DELETE", f"/v1/jobs/{job_id}/results")).code == "not_found"
    assert (await house.noor.ask("DELETE", "/v1/pictures")).json == {"jobs": 0, "pictures": 0, "held": 0}
    assert (await house.mira.ask("GET", f"/v1/jobs/{job_id}/results/0")).body == RESULT


async def test_more_than_the_quota_is_refused_and_accepted_work_is_not(house: House) -> None:
    job = await accepted(house.mira)
    house.service.settings.quota_bytes = len(png()) + 10
    checksum = await upload(house.mira, png())
    assert await upload(house.mira, png()) == checksum, "what she has already takes no more room"
    other = png(64, 64, (9, 9, 9))
    refused = await house.mira.ask("PUT", f"/v1/blobs/{hashlib.sha256(other).hexdigest()}", body=other)
    assert (refused.status, refused.code) == (413, "quota_exceeded")
    assert "Delete" in refused.json["hint"]
    await finish(house, job["id"])
    assert (await house.mira.ask("GET", f"/v1/jobs/{job['id']}/results/0")).body == RESULT
    assert (await generate(house.mira)).code == "quota_exceeded"
    assert (await generate(house.noor)).status == 202
    assert (await house.mira.ask("DELETE", "/v1/pictures")).status == 200
    assert (await generate(house.mira)).status == 202


async def test_a_full_disk_sweeps_at_once(house: House) -> None:
    checksum = await upload(house.mira, png())
    later(house, DAY)
    house.blobs.capacity = len(png())
    other = png(64, 64, (9, 9, 9))
    refused = await house.mira.ask("PUT", f"/v1/blobs/{hashlib.sha256(other).hexdigest()}", body=other)
    assert refused.code == "storage_full"
    await until_gone(house, checksum)
    await upload(house.mira, other)


async def test_a_picture_that_was_swept_before_it_was_told_is_stored_again(house: House) -> None:
    """A note that waited long behind a full disk: nothing is announced whose bytes are gone."""
    blob = await house.service.shelf.put(RESULT)
    await sweep(house)
    assert not await house.blobs.exists(CHECKSUM)
    job_id = (await accepted(house.mira))["id"]
    await finish(house, job_id)
    assert (await house.mira.ask("GET", f"/v1/jobs/{job_id}/results/0")).body == RESULT
    assert blob == BlobInfo(CHECKSUM, len(RESULT))


async def test_a_store_without_links_sends_the_picture_itself(house: House) -> None:
    job_id = await painted(house, house.mira)
    answer = await house.mira.ask("GET", f"/v1/jobs/{job_id}/results/0?link=true")
    assert (answer.status, answer.body) == (200, RESULT)


class LinkingBlobs(MemoryBlobs):
    """Blobs in memory that can be linked to."""

    async def link(self, sha256: str, seconds: float, filename: str, media_type: str) -> str:
        return f"https://store.test/{sha256}?for={seconds:g}&as={filename}&type={media_type}"


async def test_a_store_with_links_gives_one_to_who_asks_for_it(house: House) -> None:
    house.blobs.__class__ = LinkingBlobs
    job_id = await painted(house, house.mira)
    assert (await house.mira.ask("GET", f"/v1/jobs/{job_id}/results/0")).body == RESULT
    answer = await house.mira.ask("GET", f"/v1/jobs/{job_id}/results/0?link=true")
    assert (answer.status, answer.body) == (302, b"")
    place = f"https://store.test/{CHECKSUM}?for=600&as=wakebrush-{job_id[:8]}-0.png&type=image/png"
    assert (answer.headers["location"], answer.headers["cache-control"]) == (place, "no-store")
    assert (await house.noor.ask("GET", f"/v1/jobs/{job_id}/results/0?link=true")).code == "not_found"


async def test_old_tokens_and_wakes_go_with_the_history_and_costs_once_their_month_is_over(house: House) -> None:
    def counted(conn: Connection) -> list[int]:
        return [conn.execute(select(func.count()).select_from(table)).scalar_one() for table in (tokens, wakes, ledger)]

    def add(tx: Transaction) -> None:
        now = house.clock.now()
        tx.conn.execute(insert(wakes).values(machine_id="m1", requested_at=now))
        entry = {"machine_id": "m1", "kind": "idle", "from_at": now, "price_micros_per_hour": 1}
        tx.conn.execute(insert(ledger), [{**entry, "to_at": now}, {**entry, "to_at": None}])

    before = await house.service.store.read(counted)
    await house.token(revoked=True)
    await house.token(days=1)
    await house.service.store.write(add)
    later(house, 399 * DAY)
    await house.service.housekeeping.tidy()
    assert await house.service.store.read(counted) == [before[0] + 2, before[1] + 1, before[2] + 2]
    later(house, 3 * DAY)
    await house.service.housekeeping.tidy()
    assert await house.service.store.read(counted) == [before[0], before[1], before[2] + 2]
    later(house, 31 * DAY)
    await house.service.housekeeping.tidy()
    assert await house.service.store.read(counted) == [before[0], before[1], before[2] + 1]


def test_pictures_can_be_kept_for_ever() -> None:
    assert load(keep_results_days="forever").keep_results_days is None
    assert load().keep_results_days == 90

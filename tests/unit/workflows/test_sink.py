"""Results reach whoever waits for them, one subscriber at a time, and survive whatever happens to the service."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from sqlalchemy import insert, update

from tests.service.house import DEADLINE, empty_database
from wake_service.clock import ManualClock, settle
from wake_service.jobs import records
from wake_service.store.store import Store, Transaction
from wake_service.store.tables import artists, jobs, teams
from wake_service.workflows import tasks
from wake_service.workflows.delivery import DeliveryId, Task
from wake_service.workflows.sink import Sink

MIRA, NOOR = "mira", "noor"


def _people(tx: Transaction) -> None:
    tx.conn.execute(insert(teams).values(id="studio", name="Studio", created_at=0.0))
    rows = [{"id": each, "team_id": "studio", "name": each, "role": "artist", "created_at": 0.0} for each in (MIRA, NOOR)]
    tx.conn.execute(insert(artists), rows)


class Desk:
    """A sink on a database of its own, with the tasks of two artists."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.clock = ManualClock()
        self.store = Store.sqlite(path)
        self.sink = Sink(self.store, self.clock)
        self._place = 0

    async def accepted(self, task_id: str, artist_id: str = MIRA) -> str:
        """A task whose job is queued; the job's id."""
        self._place += 1
        job_id = f"job-{self._place}"
        plain = {"team_id": "studio", "pool": "default", "request": "{}", "request_hash": "", "state": "queued", "attempt": 1}
        row = {"place": self._place, "id": job_id, "artist_id": artist_id, "version": 0, "created_at": 0.0, "cost_micros": 0}

        def work(tx: Transaction) -> None:
            tx.conn.execute(insert(jobs).values(**plain, **row, face="eas"))
            tasks.add(tx, job_id, artist_id, task_id)

        await self.store.write(work)
        return job_id

    async def ended(self, task_id: str, artist_id: str = MIRA) -> str:
        """A task whose job has ended, as those learn who wait for it."""
        job_id = await self.accepted(task_id, artist_id)
        await self.ends(job_id, artist_id)
        return job_id

    async def ends(self, job_id: str, artist_id: str = MIRA) -> None:
        change = update(jobs).where(jobs.c.id == job_id).values(finished_at=self.clock.now())
        await self.store.write(lambda tx: tx.conn.execute(change) and None)
        self.sink.ring(artist_id)

    async def take(self, most: int = 10, wait: float = 0.0, artist_id: str = MIRA, **more: object) -> list[str]:
        async with asyncio.timeout(DEADLINE):
            taken = await self.sink.take(artist_id, most, wait, **more)  # type: ignore[arg-type]
        return [task.task_id for task in taken]


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    (tmp_path / "test.db").write_bytes(empty_database())
    made = Desk(tmp_path / "test.db")
    await made.store.write(_people)
    yield made
    made.store.close()


@pytest.fixture
def asking(desk: Desk) -> Iterator[list[asyncio.Task[list[str]]]]:
    """Subscribers that wait; none of them outlives its test."""
    started: list[asyncio.Task[list[str]]] = []
    yield started
    for each in started:
        each.cancel()


async def until_waiting(desk: Desk) -> None:
    """Whoever asked waits for a bell or for time by now (the database answers in real time)."""
    for _ in range(50):
        await settle()
        await desk.store.read(lambda _conn: None)


async def test_what_has_ended_is_handed_out_at_once_in_order(desk: Desk) -> None:
    for name in ("first", "second", "third"):
        await desk.ended(name)
        await desk.clock.advance(1)
    assert await desk.take(most=2) == ["first", "second"]
    assert await desk.take() == ["third"]
    assert await desk.take() == []


async def test_a_task_that_has_not_ended_is_not_handed_out(desk: Desk) -> None:
    await desk.accepted("running")
    assert await desk.take() == []


async def test_whoever_waits_has_a_result_the_moment_its_task_ends(desk: Desk, asking: list[asyncio.Task[list[str]]]) -> None:
    job_id = await desk.accepted("later")
    asking.append(asyncio.create_task(desk.take(wait=25.0)))
    await until_waiting(desk)
    assert not asking[0].done()
    await desk.ends(job_id)
    assert await asking[0] == ["later"]


async def test_whoever_waits_in_vain_is_told_so_in_time(desk: Desk, asking: list[asyncio.Task[list[str]]]) -> None:
    asking.append(asyncio.create_task(desk.take(wait=25.0)))
    await until_waiting(desk)
    await desk.clock.advance(24.9)
    await until_waiting(desk)
    assert not asking[0].done()
    await desk.clock.advance(0.2)
    assert await asking[0] == []


async def test_two_who_wait_share_the_work(desk: Desk, asking: list[asyncio.Task[list[str]]]) -> None:
    asking += [asyncio.create_task(desk.take(most=1, wait=25.0)) for _ in range(2)]
    await until_waiting(desk)
    await desk.ended("one")
    done, waiting = await asyncio.wait(asking, return_when=asyncio.FIRST_COMPLETED, timeout=DEADLINE)
    assert len(done) == len(waiting) == 1, "nobody has it, or both"
    await until_waiting(desk)
    await desk.ended("two")
    assert sorted(await asyncio.gather(*asking)) == [["one"], ["two"]]


async def test_what_is_not_acknowledged_comes_again_to_whoever_waits(desk: Desk, asking: list[asyncio.Task[list[str]]]) -> None:
    await desk.ended("one")
    await desk.take(visibility=10.0)
    asking.append(asyncio.create_task(desk.take(wait=25.0)))
    await until_waiting(desk)
    await desk.clock.advance(9.9)
    await until_waiting(desk)
    assert not asking[0].done()
    await desk.clock.advance(0.2)
    assert await asking[0] == ["one"]


async def test_what_is_acknowledged_never_comes_again(desk: Desk) -> None:
    job_id = await desk.ended("one")
    await desk.take()
    which = DeliveryId(job_id, 1)
    assert await desk.sink.acknowledge(MIRA, [which]) == {which: "one"}
    await desk.clock.advance(3600)
    assert await desk.take() == []
    assert await desk.sink.acknowledge(MIRA, [which]) == {which: "one"}


async def test_an_acknowledgement_of_what_was_never_delivered_counts_for_nothing(desk: Desk) -> None:
    job_id = await desk.ended("one")
    assert await desk.sink.acknowledge(MIRA, [DeliveryId(job_id, 1)]) == {}
    assert await desk.take() == ["one"]


async def test_nobody_takes_or_acknowledges_another_artists_results(desk: Desk) -> None:
    job_id = await desk.ended("hers")
    assert await desk.take(artist_id=NOOR) == []
    await desk.take()
    assert await desk.sink.acknowledge(NOOR, [DeliveryId(job_id, 1)]) == {}


async def test_what_a_subscriber_leaves_behind_goes_to_the_next_at_once(
    desk: Desk, asking: list[asyncio.Task[list[str]]]
) -> None:
    job_id = await desk.ended("one")
    await desk.take()
    asking.append(asyncio.create_task(desk.take(wait=25.0)))
    await until_waiting(desk)
    await desk.sink.give_back(MIRA, [DeliveryId(job_id, 1)])
    assert await asking[0] == ["one"]


async def test_one_task_can_be_waited_for_alone(desk: Desk) -> None:
    await desk.ended("one")
    await desk.ended("two")
    assert await desk.take(task_id="two") == ["two"]


async def test_results_and_how_often_they_were_handed_out_survive_a_restart(desk: Desk) -> None:
    await desk.ended("one")
    await desk.take()
    desk.store.close()
    desk.store = Store.sqlite(desk.path)
    sink = Sink(desk.store, desk.clock)
    assert await sink.take(MIRA, 10, 0.0) == []
    await desk.clock.advance(60)
    again: list[Task] = await sink.take(MIRA, 10, 0.0)
    assert [(each.task_id, each.deliveries) for each in again] == [("one", 2)]


async def test_nobody_who_has_gone_is_remembered(desk: Desk) -> None:
    await desk.take()
    assert not desk.sink._bells


async def test_a_task_is_forgotten_with_its_job(desk: Desk) -> None:
    await desk.ended("one")
    now = desk.clock.now()
    assert await desk.store.write(lambda tx: records.forget(tx, ended_before=now, limit=10)) == 1
    assert await desk.sink.find(MIRA, "one") is None
    await desk.ended("one")
    assert await desk.take() == ["one"]

"""A machine that is about to stop takes no new prompts: its pictures go elsewhere, without blame and without an error."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.service.conftest import practice_engine
from tests.service.house import DEADLINE, PRICE, House, accepted
from tests.service.test_pictures import painted
from tests.support.asgi import Stream
from wake_service.blobs.memory import MemoryBlobs
from wake_service.clock import ManualClock
from wake_service.machinery import Machinery
from wake_service.machines.model import Machine, MachineState
from wake_service.practice_engine.options import Options, Timing
from wake_service.providers.fake import FakeProvider
from wake_service.providers.fake_cloud import FakeTimes
from wake_service.settings import Settings

REFUSAL = {"error": {"type": "draining", "message": "About to stop.", "details": "", "extra_info": {}}, "node_errors": {}}


class Door:
    """The door in front of an engine. `shut` after so many prompts more; None: it stays open. `asked` is called before each."""

    def __init__(self) -> None:
        self.shut_after: int | None = None
        self.asked: Callable[[Door], None] = lambda _: None
        self.taken = 0
        self.refused = 0

    @web.middleware
    async def middleware(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        if request.path != "/prompt" or request.method != "POST":
            return await handler(request)
        self.asked(self)
        if self.shut_after is not None and self.shut_after <= 0:
            self.refused += 1
            return web.json_response(REFUSAL, status=503, headers={"Retry-After": "5"})
        self.shut_after = None if self.shut_after is None else self.shut_after - 1
        self.taken += 1
        return await handler(request)


class TwoMachines(House):
    """Machines `m1` and `m2`, both awake in the end if there is work for both, each with its own door and engine."""

    def __init__(self, data: Path, addresses: list[str], doors: list[Door]) -> None:
        clock = ManualClock()
        times = FakeTimes(starting=1, booting=1, stopping=1, forced_stopping=1)
        self.doors = doors
        self.provider = FakeProvider(clock, ["m1", "m2"], times=times)
        for machine, address in zip(self.provider.cloud.machines.values(), addresses, strict=True):
            machine.address = address
        machines = [Machine(machine_id, "default", "fake", PRICE) for machine_id in ("m1", "m2")]
        settings = Settings(data=data, pool_maximum=2, idle_seconds=100_000)
        self.build(settings, clock, Machinery({"fake": self.provider}, machines), MemoryBlobs())

    def shut_first_asked(self, after: int) -> None:
        """Which of two machines at rest gets work first is left open: that one shuts its door, after so many prompts."""

        def asked(door: Door) -> None:
            door.shut_after = after
            for each in self.doors:
                each.asked = lambda _: None

        for door in self.doors:
            door.asked = asked

    def shut_and_open(self) -> tuple[Door, Door, str]:
        """The door that was shut, the other, and the other's machine."""
        n = next(n for n, door in enumerate(self.doors) if door.shut_after is not None)
        return self.doors[n], self.doors[1 - n], f"m{2 - n}"

    def states(self) -> list[MachineState]:
        return [machine.state for machine in self.service.fleet.all()]

    async def both_rest(self) -> None:
        """Wakes both with work for both, and waits until that is done."""
        for _ in range(8):
            await accepted(self.mira)
        at_rest = [MachineState.READY] * 2
        await self.pass_until(lambda: not list(self.service.book.board) and self.states() == at_rest)

    async def pass_until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(DEADLINE):
            while not condition():
                await self.clock.advance(0.2)
                await asyncio.sleep(0.005)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[TwoMachines]:
    doors = [Door(), Door()]
    async with AsyncExitStack() as stack:
        options = [Options(tmp_path / name, timing=Timing(step=0.02)) for name in ("one", "two")]
        addresses = [
            await stack.enter_async_context(practice_engine(each, door.middleware))
            for each, door in zip(options, doors, strict=True)
        ]
        house = TwoMachines(tmp_path / "data", addresses, doors)
        yield await stack.enter_async_context(house.open())  # type: ignore[misc]


def told_of(stream: Stream, job: dict[str, Any]) -> list[str]:
    return [event["type"] for event in stream.seen if event["job"] == job["id"] and event["seq"] is not None]


async def test_a_picture_that_is_turned_away_is_painted_by_another_machine_without_blame(house: TwoMachines) -> None:
    await house.both_rest()
    stream = await house.stream()
    house.shut_first_asked(0)
    job = await accepted(house.mira)
    ended = await painted(house, stream, job["id"])
    shut, _, other = house.shut_and_open()
    assert (ended["state"], ended["attempt"], ended["machine"], ended["error"]) == ("succeeded", 1, other, None)
    assert (shut.refused, told_of(stream, job).count("job.result")) == (1, 1)
    assert {call.name for call in house.provider.calls} & {"stop"} == set(), "nobody holds the machine to be broken"
    await stream.close()


async def test_a_door_that_opens_again_is_found_open_and_not_knocked_at_all_the_time(house: TwoMachines) -> None:
    await house.both_rest()
    for door in house.doors:
        door.shut_after = 0
    stream = await house.stream()
    job = await accepted(house.mira)
    began = house.clock.now()
    await house.pass_until(lambda: house.clock.now() > began + 120)
    assert 4 <= sum(door.refused for door in house.doors) <= 12
    assert house.states() == [MachineState.READY] * 2
    for door in house.doors:
        door.shut_after = None
    ended = await painted(house, stream, job["id"])
    assert (ended["state"], ended["attempt"]) == ("succeeded", 1)
    await stream.close()


async def test_of_several_pictures_those_that_were_taken_are_finished_and_the_rest_goes_elsewhere(house: TwoMachines) -> None:
    await house.both_rest()
    stream = await house.stream()
    house.shut_first_asked(1)
    before = [door.taken for door in house.doors]
    job = await accepted(house.mira, count=4)
    ended = await painted(house, stream, job["id"])
    _, opened, other = house.shut_and_open()
    assert (ended["state"], ended["attempt"], ended["machine"]) == ("succeeded", 1, other)
    assert [result["n"] for result in ended["results"]] == [0, 1, 2, 3]  # type: ignore[attr-defined]
    n = house.doors.index(opened)
    taken = [door.taken - then for door, then in zip(house.doors, before, strict=True)]
    assert (taken[1 - n], taken[n]) == (1, 3), "the one that was taken is not painted again"
    assert told_of(stream, job).count("job.result") == 4
    await stream.close()


async def test_a_machine_that_shuts_its_door_and_stops_itself_leaves_its_pictures_unblamed(house: TwoMachines) -> None:
    await house.both_rest()
    for door in house.doors:
        door.shut_after = 0
    stream = await house.stream()
    job = await accepted(house.mira)
    await house.pass_until(lambda: all(door.refused for door in house.doors))
    for door in house.doors:
        door.shut_after = None
    for machine_id in ("m1", "m2"):
        house.provider.cloud.die(machine_id, "The machine shut itself down.")
    ended = await painted(house, stream, job["id"])
    assert (ended["state"], ended["attempt"], ended["error"]) == ("succeeded", 1, None)
    await stream.close()

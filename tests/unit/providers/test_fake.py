"""What the in-memory provider can be told beyond the contract: faults, times, and a cloud's own moods."""

from __future__ import annotations

import asyncio

import pytest

from wake_service.clock import ManualClock
from wake_service.errors import NoCapacity, ProviderError, ProviderTimeout
from wake_service.providers.base import BootStage, Power, Sighting
from wake_service.providers.fake import Call, FakeProvider
from wake_service.providers.fake_cloud import FakeTimes


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(start=1000)


async def sight(provider: FakeProvider) -> Sighting:
    (sighting,) = await provider.machines()
    return sighting


async def test_each_step_takes_its_time(clock: ManualClock) -> None:
    provider = FakeProvider(clock, times=FakeTimes(starting=3, booting=7, stopping=5), address="http://127.0.0.1:1/{id}")
    stream = provider.watch()
    await provider.start("m1")
    await clock.advance(60)
    await provider.stop("m1")
    await clock.advance(60)
    await provider.close()
    assert [(s.at, s.power, s.stage, s.address) async for s in stream] == [
        (1000, Power.STARTING, BootStage.STARTING, None),
        (1003, Power.RUNNING, BootStage.BOOTING, None),
        (1010, Power.RUNNING, BootStage.ENGINE, "http://127.0.0.1:1/m1"),
        (1060, Power.STOPPING, None, None),
        (1065, Power.STOPPED, None, None),
    ]


async def test_calls_are_written_down_also_those_that_fail(clock: ManualClock) -> None:
    provider = FakeProvider(clock)
    provider.fail("start", NoCapacity("None left."))
    with pytest.raises(NoCapacity):
        await provider.start("m1")
    await clock.advance(5)
    await provider.stop("m1", force=True)
    await provider.machines()
    assert provider.calls == [Call("start", 1000, "m1"), Call("stop", 1005, "m1", force=True), Call("machines", 1005)]


async def test_a_fault_strikes_the_next_calls_of_its_kind_only(clock: ManualClock) -> None:
    provider = FakeProvider(clock, ["m1", "m2"])
    provider.fail("start", ProviderError("No."), machine_id="m2", times=2)
    await provider.start("m1")
    for _ in range(2):
        with pytest.raises(ProviderError, match="No"):
            await provider.start("m2")
    await provider.start("m2")
    assert [s.power for s in await provider.machines()] == [Power.STARTING, Power.STARTING]


@pytest.mark.parametrize(("acted", "power"), [(True, Power.STARTING), (False, Power.STOPPED)])
async def test_a_timeout_may_or_may_not_have_acted(clock: ManualClock, acted: bool, power: Power) -> None:
    provider = FakeProvider(clock)
    provider.fail("start", ProviderTimeout("No answer."), acted=acted)
    with pytest.raises(ProviderTimeout):
        await provider.start("m1")
    assert (await sight(provider)).power is power


async def test_a_machine_may_start_unasked(clock: ManualClock) -> None:
    provider = FakeProvider(clock)
    stream = provider.watch()
    provider.cloud.start("m1")
    assert (await anext(stream)).power is Power.STARTING
    assert provider.calls == []


async def test_a_stuck_machine_begins_what_it_is_told_and_does_not_end_it(clock: ManualClock) -> None:
    provider = FakeProvider(clock)
    provider.cloud.stick("m1")
    await provider.start("m1")
    await clock.advance(10_000)
    assert (await sight(provider)).stage is BootStage.STARTING
    await provider.stop("m1")
    await clock.advance(10_000)
    assert (await sight(provider)).power is Power.STOPPING
    provider.cloud.unstick("m1")
    await provider.stop("m1", force=True)
    await clock.advance(10_000)
    assert (await sight(provider)).power is Power.STOPPED


async def test_a_silent_cloud_announces_nothing_but_answers(clock: ManualClock) -> None:
    provider = FakeProvider(clock)
    stream = provider.watch()
    provider.cloud.silent = True
    await provider.start("m1")
    await clock.advance(60)
    assert (await sight(provider)).stage is BootStage.ENGINE
    await provider.close()
    assert [s async for s in stream] == []


async def test_a_terminated_machine_stays_listed_and_cannot_be_started(clock: ManualClock) -> None:
    provider = FakeProvider(clock)
    await provider.start("m1")
    provider.cloud.terminate("m1")
    await clock.advance(60)
    assert (await sight(provider)).power is Power.TERMINATED
    with pytest.raises(ProviderError, match="terminated and cannot be started again"):
        await provider.start("m1")


async def test_a_machine_that_is_stopping_cannot_be_started_yet(clock: ManualClock) -> None:
    provider = FakeProvider(clock)
    await provider.start("m1")
    await provider.stop("m1")
    with pytest.raises(ProviderError, match="still stopping; it can be started once it has stopped"):
        await provider.start("m1")


async def test_an_answer_can_take_its_time(clock: ManualClock) -> None:
    provider = FakeProvider(clock, times=FakeTimes(answer=2))
    asking = asyncio.create_task(provider.machines())
    await clock.advance(1)
    assert not asking.done()
    await clock.advance(1)
    assert len(await asking) == 1

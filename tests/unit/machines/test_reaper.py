"""The reaper's loop, against a cloud in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from wake_service.clock import ManualClock
from wake_service.errors import ProviderError
from wake_service.machines.curfew import Curfew
from wake_service.machines.reaper import CALL_SECONDS, Reaper
from wake_service.machines.verdicts import Deed, ReaperPolicy
from wake_service.providers.base import Power
from wake_service.providers.fake_cloud import FakeCloud
from wake_service.providers.fake_leases import FakeLeased
from wake_service.providers.leases import Inventory, Probe

PERIOD = 60.0
HOUR = 3600.0


class World:
    """Two machines, m1 awake with a lease of an hour, and a reaper that runs."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.cloud = FakeCloud(self.clock, ["m1", "m2"])
        self.leased = FakeLeased(self.cloud)
        self.reaper = Reaper(self.leased, self.clock, ReaperPolicy(period=PERIOD))
        self.reaping: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        self.cloud.start("m1")
        await self.clock.advance(self.cloud.times.wake)
        self.lease(HOUR)

    def lease(self, seconds: float) -> None:
        self.leased.tags_of("m1").lease_until = self.clock.now() + seconds

    def run(self, **policy: object) -> None:
        self.reaper = Reaper(self.leased, self.clock, ReaperPolicy(period=PERIOD, **policy))  # type: ignore[arg-type]
        self.reaping = asyncio.create_task(self.reaper.run())

    async def end(self) -> None:
        if self.reaping is not None:
            self.reaping.cancel()
            await asyncio.gather(self.reaping, return_exceptions=True)

    @property
    def power(self) -> Power:
        return self.cloud.machines["m1"].power

    @property
    def said(self) -> str:
        return "\n".join(finding.sentence for finding in self.reaper.findings)

    async def seconds_until_stop(self, longest: float) -> float:
        """How long it takes until the machine is seen to stop."""
        began = self.clock.now()
        while self.power in (Power.STARTING, Power.RUNNING):
            assert self.clock.now() - began < longest, "it was not stopped"
            await self.clock.advance(1)
        return self.clock.now() - began


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = World()
    await world.begin()
    yield world
    await world.end()


async def test_a_machine_with_a_lease_is_left_alone(world: World) -> None:
    world.run()
    await world.clock.advance(HOUR - 1)
    assert world.power is Power.RUNNING and not world.reaper.findings


@pytest.mark.parametrize("offset", [0, 1, 7, 29, 31, 45, 59])
async def test_a_forgotten_machine_is_stopped_within_one_and_a_half_periods(world: World, offset: int) -> None:
    world.lease(HOUR + offset)
    world.run()
    await world.clock.advance(HOUR + offset)
    assert await world.seconds_until_stop(2 * PERIOD) <= 1.5 * PERIOD


async def test_a_lease_that_is_taken_away_between_two_readings_ends_within_one_and_a_half_periods(world: World) -> None:
    world.run()
    await world.clock.advance(PERIOD + 1)
    world.lease(0)
    assert await world.seconds_until_stop(2 * PERIOD) <= 1.5 * PERIOD


async def test_what_was_done_is_said_to_its_end(world: World) -> None:
    world.lease(0)
    world.run()
    await world.clock.advance(5 * PERIOD)
    assert world.power is Power.STOPPED
    assert "Machine m1 was awake without a lease, and nobody's work was on it: it was told to stop." in world.said
    assert world.said.endswith("Machine m1 has stopped.")


async def test_a_machine_whose_guard_is_silent_is_stopped(world: World) -> None:
    world.lease(0)
    world.leased.silent.add("m1")
    world.run()
    assert await world.seconds_until_stop(2 * PERIOD) <= 1.5 * PERIOD
    assert "its guard did not answer" in world.said


async def test_a_machine_that_works_without_a_lease_is_given_one(world: World) -> None:
    world.lease(0)
    world.leased.working.add("m1")
    hold = world.clock.now() - 5
    world.leased.tags_of("m1").hold_until = hold
    world.run()
    await world.clock.advance(3 * HOUR)
    assert world.power is Power.RUNNING
    assert world.leased.tags_of("m1").hold_until == hold
    assert world.leased.calls["renew"] <= 3 * 7
    assert len(world.reaper.findings) == 1 and not world.reaper.findings[0].alarm


async def test_a_machine_that_works_too_long_raises_an_alarm_and_is_stopped_once_its_last_picture_must_be_done(
    world: World,
) -> None:
    world.leased.working.add("m1")
    world.run(max_uptime=2 * HOUR, longest_job=HOUR)
    await world.clock.advance(2 * HOUR + PERIOD)
    assert world.power is Power.RUNNING
    assert any(finding.alarm and "longer than 2 h" in finding.sentence for finding in world.reaper.findings)
    await world.clock.advance(HOUR - 5 * PERIOD)
    assert world.power is Power.RUNNING
    assert await world.seconds_until_stop(7 * PERIOD)
    assert "longer than any machine may be" in world.said


async def test_a_machine_that_works_in_the_curfew_has_the_time_of_its_longest_job(world: World) -> None:
    begins = world.clock.now() + 600
    curfew = Curfew.parse(f"{_clock(begins)} - {_clock(begins + 9 * HOUR)}", "UTC")
    world.lease(24 * HOUR)
    world.leased.working.add("m1")
    world.run(curfew=curfew, longest_job=HOUR)
    await world.clock.advance(600 + HOUR - 60)
    assert world.power is Power.RUNNING
    assert await world.seconds_until_stop(60 + 2 * PERIOD)
    assert "in the curfew" in world.said


def _clock(moment: float) -> str:
    return f"{int(moment // HOUR) % 24:02}:{int(moment // 60) % 60:02}"


@pytest.mark.parametrize("skew", [-61, -300, 62, 300])
async def test_while_the_clocks_disagree_nothing_is_stopped_and_the_admin_is_told_once(world: World, skew: float) -> None:
    world.lease(-HOUR)
    world.leased.skew = skew
    world.run()
    await world.clock.advance(2 * HOUR)
    assert world.power is Power.RUNNING
    assert len(world.reaper.findings) == 1 and world.reaper.findings[0].alarm
    assert "The clock of this computer" in world.said


async def test_clocks_that_agree_again_are_believed_after_two_readings(world: World) -> None:
    world.lease(-HOUR)
    world.leased.skew = 120
    world.run()
    await world.clock.advance(HOUR)
    world.leased.skew = 0
    assert await world.seconds_until_stop(2 * PERIOD) >= PERIOD / 2


async def test_an_answer_that_took_long_is_not_mistaken_for_a_wrong_clock(world: World) -> None:
    world.lease(0)

    class Slow(FakeLeased):
        async def inventory(self) -> Inventory:
            found = await super().inventory()
            await self.cloud.clock.sleep(90)
            return found

    world.leased = Slow(world.cloud, tags=world.leased.tags)
    world.run()
    await world.clock.advance(10 * PERIOD)
    assert world.power is Power.STOPPED


async def test_a_list_that_cannot_be_read_reaps_nothing_and_is_said_once(world: World) -> None:
    world.lease(0)
    world.leased.troubles["inventory"] = ProviderError("Too many calls.")
    world.run()
    await world.clock.advance(10 * PERIOD)
    assert world.power is Power.RUNNING
    assert world.said == "The list of machines could not be read, so none was reaped: Too many calls."
    del world.leased.troubles["inventory"]
    assert await world.seconds_until_stop(3 * PERIOD)


async def test_a_stop_that_fails_is_repeated_and_raises_an_alarm(world: World) -> None:
    world.lease(0)
    world.leased.troubles["stop"] = ProviderError("Not allowed.")
    world.run()
    await world.clock.advance(5 * PERIOD)
    assert world.leased.calls["stop"] >= 3
    assert [f.sentence for f in world.reaper.findings if f.alarm] == [
        "Machine m1 runs unneeded, and could not be told to stop: Not allowed."
    ]
    del world.leased.troubles["stop"]
    await world.clock.advance(5 * PERIOD)
    assert world.power is Power.STOPPED


async def test_a_stop_that_gets_stuck_is_forced_and_then_cried_out(world: World) -> None:
    world.lease(0)
    world.cloud.stick("m1")
    world.run(stop_deadline=300.0)
    await world.clock.advance(300 + 3 * PERIOD)
    assert "its stop was forced" in world.said
    await world.clock.advance(300 + 2 * PERIOD)
    assert world.reaper.findings[-1].alarm and "does not stop although it was forced" in world.said
    world.cloud.unstick("m1")
    await world.clock.advance(300 + 2 * PERIOD)
    assert world.power is Power.STOPPED and world.said.endswith("Machine m1 has stopped.")


async def test_a_machine_that_was_reaped_and_woken_again_is_a_new_one(world: World) -> None:
    world.lease(0)
    world.run()
    await world.clock.advance(5 * PERIOD)
    world.cloud.start("m1")
    world.lease(HOUR)
    await world.clock.advance(HOUR - 60)
    assert world.power is Power.RUNNING
    await world.clock.advance(60)
    assert await world.seconds_until_stop(2 * PERIOD)
    assert len([f for f in world.reaper.findings if "told to stop" in f.sentence]) == 2


async def test_a_probe_that_never_ends_counts_as_silence(world: World) -> None:
    world.lease(0)

    class Deaf(FakeLeased):
        async def probe(self, machine_id: str) -> Probe:
            await asyncio.Event().wait()
            return Probe.WORKING

    world.leased = Deaf(world.cloud, tags=world.leased.tags)
    world.run()
    assert await world.seconds_until_stop(2 * PERIOD + CALL_SECONDS)


async def test_the_reaper_outlives_a_mistake_of_our_own(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.lease(0)

    class Broken(FakeLeased):
        async def inventory(self) -> Inventory:
            if self.calls["inventory"] == 0:
                self.calls["inventory"] += 1
                raise KeyError("Reservations")
            return await super().inventory()

    world.leased = Broken(world.cloud, tags=world.leased.tags)
    world.run()
    await world.clock.advance(5 * PERIOD)
    assert world.power is Power.STOPPED and "an error of its own" in world.said


async def test_one_look_alone_stops_nothing(world: World) -> None:
    world.lease(-HOUR)
    assert await world.reaper.once() == []
    await world.clock.advance(PERIOD / 4)
    assert await world.reaper.once() == []
    await world.clock.advance(PERIOD / 4)
    assert [verdict.deed for verdict in await world.reaper.once()] == [Deed.STOP]

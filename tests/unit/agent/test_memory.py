from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from wake_service.agent.life import REMEMBERED_REPLIES, REPORTED_HAPPENINGS
from wake_service.agent.link import WAITING_REPORTS, LinkBroken, LinkRefused, WireLink
from wake_service.agent.memory import MachineTimes, MemoryMachine
from wake_service.agent.wire import Drain, EngineState, Hold, Prefetch, Report, Stage, Stop
from wake_service.clock import ManualClock
from wake_service.errors import ProviderTimeout

TIMES = MachineTimes(guard=20, booting=5, engine=30, idle=600)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def machine(clock: ManualClock) -> AsyncIterator[MemoryMachine]:
    machine = MemoryMachine(clock, times=TIMES)
    yield machine
    await machine.close()


async def booted(machine: MemoryMachine, clock: ManualClock) -> None:
    machine.power_on("token")
    await clock.advance(55)


async def heard(link: WireLink) -> list[Report]:
    """All reports until the link is closed or breaks."""
    reports = []
    try:
        async for report in link.reports():
            reports.append(report)
    except LinkBroken:
        pass
    return reports


async def test_it_boots_in_stages_by_its_clock(clock: ManualClock, machine: MemoryMachine) -> None:
    machine.power_on("token")
    await clock.advance(19)
    with pytest.raises(LinkBroken, match="yet"):
        machine.link("token", machine.fingerprint)
    await clock.advance(1)
    assert machine.report().stage is Stage.BOOTING
    await clock.advance(5)
    assert (machine.report().stage, machine.report().engine.state) == (Stage.ENGINE, EngineState.STARTING)
    await clock.advance(29.9)
    assert not machine.report().answers
    await clock.advance(0.1)
    assert machine.report().answers


async def test_the_token_is_asked_for_when_the_guard_starts(clock: ManualClock, machine: MemoryMachine) -> None:
    asked: list[float] = []

    def token() -> str:
        asked.append(clock.now())
        return "fresh"

    began = clock.now()
    machine.power_on(token)
    await clock.advance(60)
    assert asked == [began + 20]
    with pytest.raises(LinkRefused):
        machine.link("stale", machine.fingerprint)
    await machine.link("fresh", machine.fingerprint).close()


async def test_a_token_of_the_last_wake_no_longer_opens(clock: ManualClock, machine: MemoryMachine) -> None:
    await booted(machine, clock)
    machine.power_on("another")
    await clock.advance(20)
    with pytest.raises(LinkRefused):
        machine.link("token", machine.fingerprint)


async def test_a_wrong_certificate_is_noticed_before_the_token_is_looked_at(clock: ManualClock, machine: MemoryMachine) -> None:
    await booted(machine, clock)
    with pytest.raises(LinkRefused, match="another certificate"):
        machine.link("wrong", "00" * 32)


async def test_it_stops_itself_when_idle_for_long_enough_and_says_so_before(clock: ManualClock, machine: MemoryMachine) -> None:
    await booted(machine, clock)
    sleeps_at = machine.report().sleeps_at
    assert sleeps_at == clock.now() + 600
    await clock.advance(599)
    assert machine.life is not None
    await clock.advance(11)
    assert machine.life is None


async def test_work_and_holds_put_its_own_stop_off(clock: ManualClock, machine: MemoryMachine) -> None:
    await booted(machine, clock)
    machine.set_queue(running=1)
    await clock.advance(3600)
    assert (machine.report().sleeps_at, machine.report().awake_because) == (None, ("The engine has work.",))
    machine.set_queue()
    assert machine.report().sleeps_at == clock.now() + 600
    link = machine.link("token", machine.fingerprint)
    await link.order(Hold(until=clock.now() + 1000))
    await clock.advance(1599)
    assert machine.life is not None
    await clock.advance(11)
    assert machine.life is None
    await link.close()


async def test_a_cloud_that_is_told_of_a_stop_takes_its_time(clock: ManualClock) -> None:
    asked: list[float] = []
    machine = MemoryMachine(clock, times=TIMES, on_stop=lambda: asked.append(clock.now()))
    await booted(machine, clock)
    link = machine.link("token", machine.fingerprint)
    stop = Stop()
    assert (await link.order(stop)).done and (await link.order(stop)).done
    assert len(asked) == 1 and machine.life is not None and machine.report().draining
    machine.power_off()
    assert machine.life is None
    await link.close()
    await machine.close()


async def test_an_order_is_carried_out_once_and_its_reply_is_remembered_for_a_while(
    clock: ManualClock, machine: MemoryMachine
) -> None:
    await booted(machine, clock)
    link = machine.link("token", machine.fingerprint)
    for number in range(REMEMBERED_REPLIES + 10):
        await link.order(Prefetch(id=str(number), models=(f"loras/{number}.safetensors",)))
    await link.order(Prefetch(id="200", models=()))
    assert machine.report().models.hot == (f"loras/{REMEMBERED_REPLIES + 9}.safetensors",)
    assert len(machine.obeyed) == REMEMBERED_REPLIES + 10
    await link.close()


async def test_what_happened_is_numbered_and_bounded(clock: ManualClock, machine: MemoryMachine) -> None:
    await booted(machine, clock)
    for _ in range(REPORTED_HAPPENINGS + 5):
        machine.fail_engine("The engine ended by itself (signal 9).")
    numbers = [happening.number for happening in machine.report().happened]
    assert numbers == list(range(7, REPORTED_HAPPENINGS + 7))


async def test_the_same_course_is_told_in_the_same_words(clock: ManualClock) -> None:
    async def course() -> list[dict[str, object]]:
        clock = ManualClock()
        machine = MemoryMachine(clock, times=TIMES)
        machine.power_on("token")
        await clock.advance(20)
        link = machine.link("token", machine.fingerprint)
        await clock.advance(50)
        await link.order(Drain(id="d"))
        machine.set_queue(pending=1)
        await clock.advance(25)
        machine.power_off()
        reports = await heard(link)
        await link.close()
        await machine.close()
        return [report.model_dump(exclude={"boot"}) for report in reports]

    first = await course()
    assert len(first) > 8 and first == await course()


async def test_a_silent_machine_breaks_the_link_by_the_clock_alone(clock: ManualClock, machine: MemoryMachine) -> None:
    await booted(machine, clock)
    link = machine.link("token", machine.fingerprint)
    machine.silent = True
    hearing = asyncio.create_task(heard(link))
    await clock.advance(24.9)
    assert not hearing.done()
    await clock.advance(0.2)
    assert hearing.done()
    with pytest.raises(LinkBroken, match="said nothing for 25 s"):
        await link.order(Drain())
    await link.close()


async def test_a_link_that_nobody_reads_holds_a_bounded_number_of_reports(clock: ManualClock, machine: MemoryMachine) -> None:
    await booted(machine, clock)
    link = machine.link("token", machine.fingerprint)
    for pending in range(1, 500):
        machine.set_queue(pending=pending)
    machine.power_off()
    reports = await heard(link)
    assert len(reports) == WAITING_REPORTS and reports[-1].queue.pending == 499
    await link.close()


async def test_an_order_that_is_not_answered_can_be_sent_again(clock: ManualClock, machine: MemoryMachine) -> None:
    await booted(machine, clock)
    link = machine.link("token", machine.fingerprint)
    machine.silent = True
    drain = Drain()
    asking = asyncio.create_task(link.order(drain))
    await clock.advance(15)
    with pytest.raises(ProviderTimeout, match="within 15 s"):
        await asking
    machine.silent = False
    assert (await link.order(drain)).done
    assert machine.obeyed == [drain]
    await link.close()


async def test_two_who_send_the_same_order_wait_each_for_themselves(clock: ManualClock, machine: MemoryMachine) -> None:
    await booted(machine, clock)
    link = machine.link("token", machine.fingerprint)
    machine.silent = True
    drain = Drain()
    hasty, patient = (asyncio.create_task(link.order(drain, seconds=seconds)) for seconds in (1, 12))
    await clock.advance(2)
    with pytest.raises(ProviderTimeout):
        await hasty
    machine.silent = False
    assert (await link.order(drain)).done and (await patient).done
    await link.close()


async def test_an_order_under_way_ends_with_the_link(clock: ManualClock, machine: MemoryMachine) -> None:
    await booted(machine, clock)
    link = machine.link("token", machine.fingerprint)
    machine.silent = True
    asking = asyncio.create_task(link.order(Drain()))
    await clock.advance(1)
    machine.power_off()
    with pytest.raises(LinkBroken, match="broke"):
        await asking
    await link.close()


async def test_a_machine_that_speaks_another_version_ends_the_link_with_what_to_do(
    clock: ManualClock, machine: MemoryMachine
) -> None:
    await booted(machine, clock)
    link = machine.link("token", machine.fingerprint)
    link.take('{"type": "report", "wire": 0}')
    with pytest.raises(LinkRefused, match="Build a new machine image"):
        async for _ in link.reports():
            pass
    await link.close()


async def test_it_leaves_no_task_behind(clock: ManualClock) -> None:
    before = asyncio.all_tasks()
    machine = MemoryMachine(clock, times=TIMES)
    await booted(machine, clock)
    link = machine.link("token", machine.fingerprint)
    machine.silent = True
    asking = asyncio.create_task(link.order(Drain(), seconds=1))
    await clock.advance(2)
    with pytest.raises(ProviderTimeout):
        await asking
    await link.close()
    await machine.close()
    assert asyncio.all_tasks() == before

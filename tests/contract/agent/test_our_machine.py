"""What an agent says of what happens to its machine: for machines that the test can move."""

from __future__ import annotations

import pytest

from tests.contract.agent.hearing import Hearing
from tests.contract.agent.worlds import TOKEN, World
from wake_service.agent.link import LinkBroken
from wake_service.agent.wire import Acknowledge, EngineState, HandOver, Notice, NoticeKind, Stage, Stop
from wake_service.errors import ProviderTimeout


async def test_a_machine_announces_each_stage_of_its_boot(our_world: World) -> None:
    async with Hearing(our_world, await our_world.dial()) as hearing:
        await hearing.until(lambda report: report.answers)
        stages = [(report.stage, report.engine.state) for report in hearing.reports]
        assert list(dict.fromkeys(stages)) == [
            (Stage.BOOTING, EngineState.STARTING),
            (Stage.ENGINE, EngineState.STARTING),
            (Stage.ENGINE, EngineState.READY),
        ]


async def test_pictures_can_be_put_there_while_the_engine_still_starts(our_world: World) -> None:
    async with Hearing(our_world, await our_world.dial()) as hearing:
        assert not (await hearing.until(lambda report: True)).answers
        assert await our_world.within(hearing.link.put_input("a.png", b"picture")) == "wakebrush/a.png"
        assert hearing.machine.inputs == {"a.png": b"picture"}


async def test_work_is_reported_when_it_comes_and_when_it_goes(ours: Hearing) -> None:
    ours.machine.set_queue(running=1, pending=2)
    report = await ours.until(lambda report: not report.empty)
    assert (report.engine.state, report.queue.running, report.queue.pending) == (EngineState.WORKING, 1, 2)
    assert report.sleeps_at is None and report.awake_because
    ours.machine.set_queue()
    await ours.until(lambda report: report.empty and report.engine.state is EngineState.READY)


async def test_an_engine_that_fails_says_why(ours: Hearing) -> None:
    ours.machine.fail_engine("The engine ended by itself (signal 9).")
    report = await ours.until(lambda report: report.engine.state is EngineState.FAILED)
    assert report.engine.sentence == report.happened[-1].sentence == "The engine ended by itself (signal 9)."


async def test_a_notice_of_the_cloud_is_reported_at_once(ours: Hearing) -> None:
    notice = Notice(kind=NoticeKind.INTERRUPTION, at=ours.reports[-1].at + 120)
    ours.machine.give_notice(notice)
    assert (await ours.until(lambda report: report.notice is not None)).notice == notice


async def test_results_are_kept_until_they_are_acknowledged(ours: Hearing) -> None:
    ours.machine.keep("p1", [("a.png", b"first"), ("b.png", b"second!")])
    report = await ours.until(lambda report: bool(report.kept))
    assert [(kept.prompt_id, kept.files, kept.size) for kept in report.kept] == [("p1", 2, 12)]
    result = await ours.world.within(ours.link.kept("p1"))
    assert result is not None and [(file.name, file.size) for file in result.files] == [("a.png", 5), ("b.png", 7)]
    assert await ours.world.within(ours.link.fetch("p1", 1)) == b"second!"
    assert await ours.world.within(ours.link.fetch("p1", 2)) is None
    assert (await ours.order(Acknowledge(results=("p1", "unknown")))).done
    await ours.until(lambda report: not report.kept)
    assert await ours.world.within(ours.link.kept("p1")) is None


async def test_results_are_kept_across_a_stop(ours: Hearing) -> None:
    ours.machine.keep("p1", [("a.png", b"first")])
    boot = ours.reports[-1].boot
    ours.machine.power_off()
    assert isinstance(await ours.end(), LinkBroken)
    ours.machine.power_on(TOKEN)
    async with Hearing(ours.world, await ours.world.within(dialled(ours.world))) as again:
        report = await again.until(lambda report: bool(report.kept))
        assert report.boot != boot
        assert await ours.world.within(again.link.fetch("p1", 0)) == b"first"


async def test_a_machine_that_is_handed_over_holds_nothing_of_the_last_artist(ours: Hearing) -> None:
    ours.machine.keep("p1", [("a.png", b"first")])
    await ours.until(lambda report: bool(report.kept))
    await ours.world.within(ours.link.put_input("b.png", b"hers"))
    boot = ours.reports[-1].boot
    assert (await ours.order(HandOver())).done
    beats = len(ours.reports)
    report = await ours.until(lambda report: len(ours.reports) > beats and report.answers and not report.kept)
    assert (report.boot, report.draining) == (boot, False)
    assert ours.machine.inputs == {}
    assert await ours.world.within(ours.link.kept("p1")) is None
    assert await ours.world.within(ours.link.put_input("b.png", b"the next one's")) == "wakebrush/b.png"


async def test_a_machine_with_work_is_not_handed_over(ours: Hearing) -> None:
    await ours.world.within(ours.link.put_input("b.png", b"hers"))
    ours.machine.set_queue(running=1)
    reply = await ours.order(HandOver())
    assert not reply.done and "A picture is being made" in reply.sentence
    assert ours.machine.inputs == {"b.png": b"hers"}
    assert not (await ours.until(lambda report: not report.empty)).draining


async def test_a_machine_can_be_handed_over_again_and_again(ours: Hearing) -> None:
    for _ in range(2):
        order = HandOver()
        assert (await ours.order(order)).done
        assert await ours.order(order) == await ours.order(order), "carried out once"
        assert (await ours.until(lambda report: report.answers)).engine.state is EngineState.READY


async def test_a_stop_is_refused_while_there_is_work(ours: Hearing) -> None:
    ours.machine.set_queue(running=1)
    reply = await ours.order(Stop())
    assert not reply.done and "A picture is being made" in reply.sentence
    assert not ours.machine.report().draining


async def test_a_machine_without_work_stops_when_told_to(ours: Hearing) -> None:
    assert (await ours.order(Stop())).done
    assert isinstance(await ours.end(), LinkBroken)
    assert ours.machine.life is None


async def test_a_forced_stop_does_not_wait_for_work(ours: Hearing) -> None:
    ours.machine.set_queue(running=1)
    assert (await ours.order(Stop(force=True))).done
    assert isinstance(await ours.end(), LinkBroken)


async def test_a_machine_that_falls_silent_is_given_up(ours: Hearing) -> None:
    ours.machine.silent = True
    broken = await ours.end(seconds=2 * ours.world.silence)
    assert broken is not None and "said nothing" in str(broken)


async def test_an_order_to_a_silent_machine_is_given_up_in_time(ours: Hearing) -> None:
    ours.machine.silent = True
    with pytest.raises(ProviderTimeout, match="whether it obeyed is unknown"):
        await ours.world.within(ours.link.order(Stop(), seconds=0.1))


async def test_a_machine_that_loses_power_ends_the_reports_with_a_reason(ours: Hearing) -> None:
    ours.machine.power_off()
    assert "broke" in str(await ours.end())


async def test_a_machine_that_is_off_lets_nobody_in(our_world: World) -> None:
    assert our_world.hands is not None
    our_world.hands.power_off()
    with pytest.raises(LinkBroken):
        await our_world.dial()


async def dialled(world: World):  # type: ignore[no-untyped-def]
    """A link as soon as the machine lets us in."""
    while True:
        try:
            return await world.dial()
        except LinkBroken:
            assert world.hands is not None
            await world.hands.clock.sleep(0.05)

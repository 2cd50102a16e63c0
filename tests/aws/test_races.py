"""Wake, stop, drain, notices, holds and restarts that meet: the picture is painted once, and nothing runs unneeded after."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.aws.cloud import STUDIO, Cloud
from tests.aws.test_ec2_capacity import snapshot
from tests.aws.workshop import IDLE_SECONDS, Scene, open_provider, scene
from wake_service.machines.model import MachineState as S
from wake_service.machines.reaper import Reaper
from wake_service.providers.ec2.capacity import Plan
from wake_service.providers.ec2.options import Ec2Options

#: Seconds after the picture was asked for: while its start is accepted, booting, its engine starts, it paints.
MOMENTS = [0.0, 3.0, 20.0, 35.0, 45.0]


@pytest.fixture
async def there(cloud: Cloud) -> AsyncIterator[Scene]:
    cloud.add_machine()
    async with scene(cloud) as there:
        await there.clock.advance(30)
        yield there


def the_machine(there: Scene) -> str:
    (machine,) = there.studio.fleet.all()
    return machine.id


async def painted_and_asleep(there: Scene) -> None:
    await there.until_done(900)
    assert await there.asleep(seconds=2400) == []
    assert all(picture.done_at is not None for picture in there.easel.pictures)


async def until(there: Scene, state: S) -> None:
    for _ in range(4000):
        if there.studio.fleet.get(the_machine(there)).state is state:
            return
        await there.clock.advance(0.5)
    raise AssertionError(f"never {state}")


@pytest.mark.parametrize("after", MOMENTS)
async def test_a_service_killed_at_any_moment_is_followed_by_one_that_finishes_the_picture(there: Scene, after: float) -> None:
    picture = there.easel.ask()
    await there.clock.advance(after)
    await there.kill()
    await there.clock.advance(7)
    await there.revive()
    await painted_and_asleep(there)
    assert len(picture.machines) == 1, "what was being painted is found again, not painted anew"


@pytest.mark.parametrize("after", MOMENTS)
async def test_a_service_that_stays_dead_leaves_nothing_running(there: Scene, after: float) -> None:
    """What the reaper is for: it needs no service. Here it runs alone, as from a cron job."""
    there.easel.ask()
    await there.clock.advance(after)
    await there.kill()
    alone = open_provider(there.cloud, there.options)
    reaper = Reaper(alone, there.clock)
    for _ in range(80):
        await reaper.once()
        await there.clock.advance(60)
    await alone.close()
    assert there.cloud.running() == []


@pytest.mark.parametrize("state", [S.STOPPING, S.ASLEEP])
async def test_a_wake_that_meets_the_way_to_sleep_gets_its_picture(there: Scene, state: S) -> None:
    there.easel.ask()
    await there.until_done(300)
    await until(there, state)
    there.easel.ask()
    await painted_and_asleep(there)


async def test_a_wake_between_the_closed_door_and_the_stop_keeps_the_machine(there: Scene) -> None:
    there.easel.ask()
    await there.until_done(300)
    there.easel.may_be_looked_at.clear()
    await until(there, S.DRAINING)
    there.easel.ask()
    there.easel.may_be_looked_at.set()
    await painted_and_asleep(there)
    assert len(there.cloud.asked("StartInstances")) == 1


async def test_a_picture_asked_for_in_the_middle_of_a_long_stop_is_painted_after_it(there: Scene) -> None:
    there.cloud.times.stopping = 110.0
    there.easel.ask()
    await there.until_done(300)
    await until(there, S.STOPPING)
    await there.clock.advance(20)
    there.easel.ask()
    await painted_and_asleep(there)


async def test_two_pictures_asked_for_at_once_wake_one_machine_once(there: Scene) -> None:
    for _ in range(2):
        there.easel.ask()
    await painted_and_asleep(there)
    assert len(there.cloud.asked("StartInstances")) == 1


async def test_a_machine_started_in_the_console_is_adopted_and_put_to_sleep(there: Scene) -> None:
    there.cloud.start(the_machine(there))
    await there.clock.advance(120)
    assert await there.asleep(seconds=2400) == []


async def test_a_machine_started_in_the_console_paints_for_who_asks(there: Scene) -> None:
    there.easel.ask()
    await painted_and_asleep(there)
    await until(there, S.ASLEEP)
    there.cloud.start(the_machine(there))
    await there.clock.advance(10)
    there.easel.ask()
    await painted_and_asleep(there)
    assert len(there.cloud.asked("StartInstances")) == 1


async def test_a_machine_that_was_never_given_a_key_and_is_started_in_the_console_is_stopped_and_woken_properly(
    there: Scene,
) -> None:
    there.cloud.start(the_machine(there))
    await there.clock.advance(10)
    there.easel.ask()
    await there.until_done(1200)
    assert await there.asleep(seconds=2400) == []


@pytest.mark.parametrize("after", [10.0, 35.0, 45.0])
async def test_a_machine_that_shuts_itself_down_is_woken_again_for_its_picture(there: Scene, after: float) -> None:
    there.easel.ask()
    await there.clock.advance(after)
    there.cloud.power_off(the_machine(there))
    await painted_and_asleep(there)


async def test_a_machine_deleted_in_the_console_is_gone_and_the_picture_waits_for_another(there: Scene) -> None:
    there.easel.ask()
    await there.clock.advance(45)
    there.cloud.terminate(the_machine(there))
    await there.clock.advance(120)
    assert there.studio.fleet.get(the_machine(there)).state is S.GONE
    assert len(there.easel.unfinished) == 1
    there.cloud.add_machine()
    await painted_and_asleep(there)


@pytest.mark.parametrize("after", [2.0, 25.0, 45.0])
async def test_an_address_that_changes_is_let_in_again_and_the_picture_is_not_lost(there: Scene, after: float) -> None:
    picture = there.easel.ask(work=60.0)
    await there.clock.advance(after)
    there.cloud.move("203.0.113.77")
    await painted_and_asleep(there)
    assert picture.machines == [picture.machines[0]], "the machine went on"


async def test_a_hold_survives_a_restart_of_the_service_and_ends_by_itself(there: Scene) -> None:
    there.easel.ask()
    await there.until_done(300)
    await there.studio.controller.hold(the_machine(there), there.clock.now() + 3600)
    await there.kill()
    await there.clock.advance(60)
    await there.revive()
    await there.clock.advance(2 * IDLE_SECONDS)
    assert len(there.cloud.running()) == 1, "neither the service nor the reaper stops it"
    assert await there.asleep(seconds=3600) == []


async def test_a_machine_that_hangs_in_stopping_is_told_again_by_force_and_does_not_hinder_another(there: Scene) -> None:
    stuck = the_machine(there)
    there.easel.ask()
    await there.until_done(300)
    there.cloud.stick(stuck)
    await until(there, S.STOPPING)
    other = there.cloud.add_machine()
    await there.clock.advance(600)
    assert any(call.arguments.get("Force") for call in there.cloud.asked("StopInstances"))
    picture = there.easel.ask()
    await there.until_done(300)
    assert picture.machines == [other]
    there.cloud.unstick(stuck)
    assert await there.asleep(seconds=2400) == []


@pytest.mark.parametrize("after", [10.0, 30.0, 45.0])
async def test_a_spot_machine_that_is_taken_back_leaves_its_picture_to_another(cloud: Cloud, after: float) -> None:
    spot = cloud.add_machine(spot=True)
    cloud.launch_template(STUDIO)
    snapshot(cloud)
    plan = Plan(create=True, on_demand=True)
    options = Ec2Options(deployment=STUDIO, security_group=cloud.setting.security_group(), plan=plan)
    async with scene(cloud, options=options) as there:
        await there.clock.advance(30)
        there.easel.ask(work=200.0)
        await there.clock.advance(after)
        cloud.interrupt(spot)
        await there.until_done(1800)
        assert await there.asleep(seconds=2400) == []


async def test_a_spot_machine_that_only_its_cloud_may_start_again_wakes_unasked_and_paints(cloud: Cloud) -> None:
    spot = cloud.add_machine(spot=True)
    async with scene(cloud) as there:
        await there.clock.advance(30)
        picture = there.easel.ask(work=200.0)
        await there.clock.advance(60)
        cloud.interrupt(spot)
        await there.clock.advance(300)
        assert cloud.running() == []
        assert "only AWS starts it again" in (there.studio.fleet.get(spot).message or "")
        cloud.restart_interrupted(spot)
        await there.until_done(400)
        assert set(picture.machines) == {spot}
        assert await there.asleep(seconds=2400) == []


async def test_a_rebalance_hint_lets_the_picture_be_finished_and_the_machine_go(cloud: Cloud) -> None:
    spot = cloud.add_machine(spot=True)
    async with scene(cloud) as there:
        await there.clock.advance(30)
        picture = there.easel.ask(work=60.0)
        await there.clock.advance(60)
        cloud.rebalance(spot)
        await there.clock.advance(5)
        assert there.studio.fleet.get(spot).state is S.DRAINING
        await there.until_done(120)
        assert picture.machines == [spot]
        await there.clock.advance(60)
        assert cloud.running() == []


async def test_work_of_another_client_keeps_a_machine_awake_and_its_end_lets_it_sleep(there: Scene) -> None:
    there.easel.ask()
    await there.until_done(300)
    there.cloud.machine(the_machine(there)).set_queue(running=1)
    await there.clock.advance(5 * IDLE_SECONDS)
    assert len(there.cloud.running()) == 1
    there.cloud.machine(the_machine(there)).set_queue()
    assert await there.asleep(seconds=3600) == []


async def test_a_wake_in_the_middle_of_a_search_for_capacity_survives_a_restart(there: Scene) -> None:
    there.cloud.take("g5.xlarge")
    there.easel.ask()
    await there.clock.advance(5)
    await there.kill()
    there.cloud.give_back("g5.xlarge")
    await there.revive()
    await painted_and_asleep(there)

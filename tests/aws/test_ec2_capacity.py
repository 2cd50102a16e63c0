"""A wake when machines are taken: the walk along the admin's plan, and where it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import pairwise

import pytest

from tests.aws.cloud import STUDIO, Cloud
from tests.aws.studio import Studio, studio
from wake_service.aws import tags
from wake_service.clock import ManualClock
from wake_service.errors import NoCapacity, ProviderError
from wake_service.providers.base import BootStage, Power, Traits
from wake_service.providers.ec2.capacity import Plan

A, B = "us-east-1a", "us-east-1b"
MAKES = Plan(tries=1, zones=(B,), create=True)


@pytest.fixture(autouse=True)
def template(cloud: Cloud) -> None:
    cloud.launch_template(STUDIO)


def snapshot(cloud: Cloud, gib: int = 80) -> str:
    """A snapshot of the models' disk, just taken."""
    ec2 = cloud.client("ec2")
    tagged = [{"ResourceType": "snapshot", "Tags": tags.as_list({tags.DEPLOYMENT: STUDIO, tags.COPY_OF: "default"})}]
    volume = ec2.create_volume(AvailabilityZone=A, Size=gib)["VolumeId"]
    return str(ec2.create_snapshot(VolumeId=volume, TagSpecifications=tagged)["SnapshotId"])


async def refused(s: Studio, machine: str, kind: type[ProviderError] = NoCapacity) -> str:
    """What a start says that comes to nothing."""
    with pytest.raises(kind) as caught:
        await s.during(s.provider.start(machine))
    return str(caught.value)


async def test_a_machine_that_was_taken_for_a_moment_wakes_at_the_next_try(clock: ManualClock, cloud: Cloud) -> None:
    machine = cloud.add_machine()
    cloud.fail("StartInstances", "InsufficientInstanceCapacity", times=2)
    async with studio(clock, cloud) as s:
        await s.wake(machine)
        assert s.said(machine) == ["All machines of this kind are taken. Asking for the same one again."] * 2
        times = [call.at for call in cloud.asked("StartInstances")]
        assert [round(later - earlier) for earlier, later in pairwise(times)] == [5, 5]


async def test_the_default_plan_ends_after_three_tries_with_a_sentence(clock: ManualClock, cloud: Cloud) -> None:
    machine = cloud.add_machine()
    cloud.take("g5.xlarge")
    async with studio(clock, cloud) as s:
        said = await refused(s, machine)
        assert said.startswith("All machines of this kind are taken (tried: g5.xlarge in us-east-1a).")
        assert len(cloud.asked("StartInstances")) == 3
        assert cloud.asked("RunInstances") == [] and cloud.asked("ModifyInstanceAttribute") == []


async def test_another_type_is_taken_while_its_own_is_not_to_be_had_and_given_back_later(
    clock: ManualClock, cloud: Cloud
) -> None:
    machine = cloud.add_machine()
    cloud.take("g5.xlarge", A)
    async with studio(clock, cloud, Plan(tries=1, types=("g6.xlarge", "g5.2xlarge"))) as s:
        awake = await s.wake(machine)
        assert awake.traits is not None and awake.traits.instance_type == "g6.xlarge"
        assert "All machines of this kind are taken. Trying the next kind: g6.xlarge in us-east-1a." in s.said(machine)
        await s.sleep(machine)
        cloud.give_back("g5.xlarge", A)
        again = await s.wake(machine)
        assert again.traits is not None and again.traits.instance_type == "g5.xlarge"
        assert tags.HOME_TYPE not in cloud.tags(machine)


async def test_a_machine_that_no_type_helped_gets_its_own_back(clock: ManualClock, cloud: Cloud) -> None:
    machine = cloud.add_machine()
    for kind in ("g5.xlarge", "g6.xlarge"):
        cloud.take(kind)
    async with studio(clock, cloud, Plan(tries=1, types=("g6.xlarge",))) as s:
        said = await refused(s, machine)
        assert "g5.xlarge in us-east-1a, g6.xlarge in us-east-1a" in said
        assert cloud.instance(machine).instance_type == "g5.xlarge" and tags.HOME_TYPE not in cloud.tags(machine)


async def test_a_type_that_the_machine_cannot_become_is_passed_over(clock: ManualClock, cloud: Cloud) -> None:
    machine = cloud.add_machine()
    cloud.take("g5.xlarge")
    cloud.fail("ModifyInstanceAttribute", "InvalidParameterCombination", match="g4dn.xlarge")
    async with studio(clock, cloud, Plan(tries=1, types=("g4dn.xlarge", "g6.xlarge"))) as s:
        awake = await s.wake(machine)
        assert awake.traits is not None and awake.traits.instance_type == "g6.xlarge"


@pytest.mark.parametrize(
    ("code", "what_to_do"),
    [("VcpuLimitExceeded", "Service Quotas"), ("UnauthorizedOperation", "wakebrush aws doctor")],
)
async def test_a_quota_or_a_missing_right_ends_the_walk_with_what_to_do(
    clock: ManualClock, cloud: Cloud, code: str, what_to_do: str
) -> None:
    machine = cloud.add_machine()
    cloud.fail("StartInstances", code, times=None)
    async with studio(clock, cloud, Plan(types=("g6.xlarge",))) as s:
        said = await refused(s, machine, ProviderError)
        assert what_to_do in said and "stays in the queue" in said
        assert len(cloud.asked("StartInstances")) == 1


async def test_a_new_machine_is_made_in_another_zone_and_wakes_instead(clock: ManualClock, cloud: Cloud) -> None:
    machine, disk = cloud.add_machine(), snapshot(cloud)
    cloud.take("g5.xlarge", A)
    async with studio(clock, cloud, MAKES) as s:
        said = await refused(s, machine)
        assert said == "All machines of this kind are taken. Another one was made, and wakes instead: g5.xlarge in us-east-1b."
        (made,) = cloud.running()
        first = s.of(made)[0]
        assert first.power is Power.STARTING and first.traits == Traits("default", "g5.xlarge", B, False, 1_006_000)
        await clock.advance(cloud.times.wake + 5)
        assert s.last(made).stage is BootStage.ENGINE
        assert {tags.DEPLOYMENT, tags.POOL, tags.INTENT} <= cloud.tags(made).keys()
        assert made in [id for id, _ in s.armed]
        (asked,) = cloud.asked("RunInstances")
        assert asked.arguments["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"] == disk


async def test_the_estimate_of_a_new_disk_is_said(clock: ManualClock, cloud: Cloud) -> None:
    machine = cloud.add_machine()
    snapshot(cloud)
    cloud.take("g5.xlarge", A)
    async with studio(clock, cloud, MAKES) as s:
        await refused(s, machine)
        assert any("Its first picture takes about 82 s longer." in said for said in s.said(machine))


@pytest.mark.parametrize("old", [True, False])
async def test_nothing_is_made_without_a_recent_snapshot(clock: ManualClock, cloud: Cloud, old: bool) -> None:
    machine = cloud.add_machine()
    if old:
        snapshot(cloud)
        await clock.advance(15 * 86_400)
    cloud.take("g5.xlarge", A)
    async with studio(clock, cloud, MAKES) as s:
        assert "tried: g5.xlarge in us-east-1a" in await refused(s, machine)
        assert cloud.asked("RunInstances") == []


async def test_nothing_is_made_while_another_machine_sleeps(clock: ManualClock, cloud: Cloud) -> None:
    machine, other = cloud.add_machine(), cloud.add_machine()
    snapshot(cloud)
    cloud.take("g5.xlarge", A)
    async with studio(clock, cloud, MAKES) as s:
        await refused(s, machine)
        assert cloud.asked("RunInstances") == []
        await refused(s, other)
        assert len(cloud.asked("RunInstances")) == 1, "both were found taken"


async def test_a_lost_answer_makes_one_machine(clock: ManualClock, cloud: Cloud) -> None:
    machine = cloud.add_machine()
    snapshot(cloud)
    cloud.take("g5.xlarge", A)
    cloud.fail("RunInstances", "ReadTimeout", times=2, acted=True)
    async with studio(clock, cloud, MAKES) as s:
        await refused(s, machine)
        assert len(cloud.running()) == 1


async def test_a_service_killed_while_it_makes_a_machine_makes_no_second_one(clock: ManualClock, cloud: Cloud) -> None:
    """The next service does not see the first machine yet: only the intent tells that it is there."""
    machine = cloud.add_machine()
    snapshot(cloud)
    cloud.take("g5.xlarge", A)
    cloud.times.visible = 50.0
    async with studio(clock, cloud, MAKES) as s:
        cloud.fail("RunInstances", "ReadTimeout", times=5, acted=True)
        await refused(s, machine, ProviderError)
        await s.restart()
        said = await refused(s, machine)
        assert said.endswith("wakes instead: g5.xlarge in us-east-1b.")
        (made,) = cloud.running()
        await clock.advance(100)
        assert s.last(made).stage is BootStage.ENGINE


async def test_an_interrupted_spot_machine_is_not_asked_for(clock: ManualClock, cloud: Cloud) -> None:
    machine = cloud.add_machine(spot=True)
    async with studio(clock, cloud) as s:
        await s.wake(machine)
        cloud.interrupt(machine)
        await clock.advance(200)
        started = len(cloud.asked("StartInstances"))
        assert "only AWS starts it again" in await refused(s, machine)
        assert len(cloud.asked("StartInstances")) == started


async def test_a_spot_request_that_does_not_allow_a_start_is_not_asked_again(clock: ManualClock, cloud: Cloud) -> None:
    machine = cloud.add_machine(spot=True)
    cloud.fail("StartInstances", "IncorrectSpotRequestState", times=None)
    async with studio(clock, cloud) as s:
        assert "only AWS starts it again" in await refused(s, machine)
        assert len(cloud.asked("StartInstances")) == 1


async def test_a_spot_machine_that_aws_keeps_to_itself_is_replaced_at_the_full_price_where_allowed(
    clock: ManualClock, cloud: Cloud
) -> None:
    machine = cloud.add_machine(spot=True)
    snapshot(cloud)
    cloud.take("g5.xlarge", None, "spot")
    async with studio(clock, cloud, Plan(tries=1, zones=(B,), types=("g6.xlarge",), create=True, on_demand=True)) as s:
        cloud.take("g6.xlarge", None, "spot")
        said = await refused(s, machine)
        assert said.endswith("wakes instead: g5.xlarge in us-east-1a.")
        assert any("at the full price" in sentence for sentence in s.said(machine))
        assert cloud.asked("ModifyInstanceAttribute") == []


async def test_a_new_spot_machine_is_one_that_can_be_stopped(clock: ManualClock, cloud: Cloud) -> None:
    machine = cloud.add_machine(spot=True)
    snapshot(cloud)
    cloud.take("g5.xlarge", A, "spot")
    async with studio(clock, cloud, MAKES) as s:
        await refused(s, machine)
        (made,) = cloud.running()
        await clock.advance(cloud.times.wake + 5)
        await s.sleep(made)


async def test_a_machine_that_does_not_stop_does_not_block_a_new_one(clock: ManualClock, cloud: Cloud) -> None:
    machine = cloud.add_machine()
    snapshot(cloud)
    async with studio(clock, cloud, MAKES) as s:
        await s.wake(machine)
        cloud.stick(machine)
        await s.provider.stop(machine, force=True)
        assert "Another one was made" in await refused(s, machine)
        assert len(cloud.running()) == 1 and cloud.state(machine) == "stopping"


async def test_a_stop_ends_the_walk(clock: ManualClock, cloud: Cloud) -> None:
    machine = cloud.add_machine()
    cloud.take("g5.xlarge")
    async with studio(clock, cloud, Plan(tries=20, pause=30)) as s:
        starting = asyncio.ensure_future(s.provider.start(machine))
        await clock.advance(45)
        await s.provider.stop(machine)
        with pytest.raises(ProviderError, match="was told to stop before it had started"):
            await starting
        await clock.advance(300)
        assert len(cloud.asked("StartInstances")) == 2 and cloud.running() == []


@pytest.mark.parametrize("happens", [lambda s: s.cloud.terminate, lambda s: s.cloud.start], ids=["terminated", "started"])
async def test_what_others_do_during_the_walk_is_noticed(
    clock: ManualClock, cloud: Cloud, happens: Callable[[Studio], Callable[[str], None]]
) -> None:
    machine = cloud.add_machine()
    cloud.fail("StartInstances", "InsufficientInstanceCapacity")
    async with studio(clock, cloud) as s:
        starting = asyncio.ensure_future(s.provider.start(machine))
        await clock.advance(2)
        happens(s)(machine)
        await clock.advance(60)
        assert starting.done()
        if starting.exception() is None:
            assert cloud.running() == [machine]
        else:
            assert "was terminated" in str(starting.exception()) and cloud.running() == []

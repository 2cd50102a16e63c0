"""Whatever AWS answers, and whenever: the picture is painted, or a sentence says what to do; and nothing runs unneeded after."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tests.aws.cloud import STUDIO, Cloud
from tests.aws.workshop import Picture, Scene, scene
from wake_service.providers.ec2.capacity import Plan
from wake_service.providers.ec2.options import Ec2Options

FOR_EVER = 10_000
Break = Callable[[Cloud], object]


def failing(operation: str, code: str, times: int = 1, *, acted: bool = False) -> Break:
    return lambda cloud: cloud.fail(operation, code, times=times, acted=acted)


def denied(*patterns: str) -> Break:
    return lambda cloud: cloud.deny(*patterns)


def taken(cloud: Cloud) -> None:
    cloud.take("g5.xlarge")


def silent(cloud: Cloud) -> None:
    cloud.silent = True


@dataclass(frozen=True)
class Case:
    """What is broken when, and how it ends.

    `when`: seconds after the picture was asked for (40 s is the wake, 20 s more the picture); 0: just before. `said`: what the
    artist reads as long as it lasts; without it the picture must be done by itself within `within` seconds.
    """

    name: str
    broken: Break
    when: float = 0.0
    said: str | None = None
    within: float = 400.0


PASSING = (
    # A failure that passes is waited out, at the first try and at repeated ones.
    Case("start throttled once", failing("StartInstances", "RequestLimitExceeded")),
    Case("start throttled for a minute", failing("StartInstances", "RequestLimitExceeded", 8)),
    Case("start meets a failure of AWS", failing("StartInstances", "InternalError", 3)),
    Case("start accepted, answer lost", failing("StartInstances", "InternalError", acted=True)),
    Case("start accepted, every answer lost", failing("StartInstances", "InternalError", 5, acted=True)),
    Case("start refused while still stopping", failing("StartInstances", "IncorrectInstanceState", 2)),
    Case("no capacity at first", failing("StartInstances", "InsufficientInstanceCapacity")),
    Case("no capacity three times", failing("StartInstances", "InsufficientInstanceCapacity", 3)),
    Case("no capacity ten times", failing("StartInstances", "InsufficientInstanceCapacity", 10), within=900),
    Case("the list throttled", failing("DescribeInstances", "RequestLimitExceeded", 12)),
    Case("the list throttled while it boots", failing("DescribeInstances", "RequestLimitExceeded", 12), when=5),
    Case("the list fails while it boots", failing("DescribeInstances", "Unavailable", 12), when=5),
    Case("the machine is not known yet", failing("DescribeInstances", "InvalidInstanceID.NotFound", 2), when=5),
    Case("the key cannot be written at first", failing("PutParameter", "InternalServerError", 2)),
    Case("the key was written, answer lost", failing("PutParameter", "InternalError", acted=True)),
    Case("the key's tags throttled", failing("AddTagsToResource", "ThrottlingException", 3)),
    Case("the key cannot be read back", failing("GetParameter", "ThrottlingException", 3)),
    Case("tags throttled", failing("CreateTags", "RequestLimitExceeded", 6)),
    Case("tags fail", failing("CreateTags", "InternalError", 6, acted=True)),
    Case("the way in cannot be looked up", failing("DescribeSecurityGroupRules", "RequestLimitExceeded", 6)),
    Case("the way in cannot be opened at first", failing("AuthorizeSecurityGroupIngress", "InternalError", 2)),
    Case("the way in was opened, answer lost", failing("AuthorizeSecurityGroupIngress", "InternalError", acted=True)),
    Case("stop throttled", failing("StopInstances", "RequestLimitExceeded", 8), when=50),
    Case("stop meets a failure of AWS", failing("StopInstances", "InternalError", 7), when=50),
    Case("stop accepted, answer lost", failing("StopInstances", "InternalError", 5, acted=True), when=50),
    Case("stop refused once", failing("StopInstances", "IncorrectInstanceState"), when=50),
    Case("everything throttled for a while", failing("*", "RequestLimitExceeded", 15)),
    Case("everything throttled while it works", failing("*", "RequestLimitExceeded", 15), when=45),
)

LASTING = (
    # What lasts is said, with what to do; when it is mended, the picture that waited is painted.
    Case("all machines taken", taken, said=r"^All machines of this kind are taken"),
    Case(
        "the quota is reached",
        failing("StartInstances", "VcpuLimitExceeded", FOR_EVER),
        said=r"quota.*Your picture stays in the queue",
    ),
    Case("instance limit reached", failing("StartInstances", "InstanceLimitExceeded", FOR_EVER), said=r"ask for a higher quota"),
    Case("may not start", denied("ec2:StartInstances"), said=r"wakebrush aws doctor.*Your picture stays in the queue"),
    Case("may not write the key", denied("ssm:PutParameter"), said=r"wakebrush aws doctor"),
    Case("may not tag", denied("ec2:CreateTags"), said=r"wakebrush aws doctor"),
    Case(
        "start throttled without end",
        failing("StartInstances", "RequestLimitExceeded", FOR_EVER),
        said=r"StartInstances|start_instances",
    ),
    Case("start unheard of", failing("StartInstances", "SomethingNew", FOR_EVER), said=r"SomethingNew"),
    Case("AWS gives no answer", silent, said=r"did not answer"),
)


def the_plan(cloud: Cloud) -> Ec2Options:
    return Ec2Options(deployment=STUDIO, security_group=cloud.setting.security_group())


async def asked_and_broken(there: Scene, case: Case) -> Picture:
    """An artist asks, and it breaks."""
    if not case.when:
        case.broken(there.cloud)
    picture = there.easel.ask()
    if case.when:
        await there.clock.advance(case.when)
        case.broken(there.cloud)
    return picture


async def nothing_runs_in_the_end(there: Scene) -> None:
    """Nobody asks for anything any more: the cloud's own list shows nothing running, and nothing is half-done."""
    assert await there.asleep(seconds=2400) == []
    assert there.easel.unfinished == []


@pytest.mark.parametrize("case", PASSING, ids=lambda case: case.name)
async def test_what_passes_is_waited_out_and_the_picture_is_painted(cloud: Cloud, case: Case) -> None:
    machine_id = cloud.add_machine()
    async with scene(cloud, options=the_plan(cloud)) as there:
        await there.clock.advance(30)
        picture = await asked_and_broken(there, case)
        await there.until_done(case.within)
        assert picture.machines[-1] == machine_id
        await nothing_runs_in_the_end(there)


@pytest.mark.parametrize("case", LASTING, ids=lambda case: case.name)
async def test_what_lasts_is_a_sentence_and_when_it_is_mended_the_picture_is_painted(cloud: Cloud, case: Case) -> None:
    machine_id = cloud.add_machine()
    async with scene(cloud, options=the_plan(cloud)) as there:
        await there.clock.advance(30)
        await asked_and_broken(there, case)
        said: set[str] = set()
        for _ in range(60):
            await there.clock.advance(5)
            said.add(there.studio.fleet.get(machine_id).message or "")
        assert any(re.search(case.said or "", sentence) for sentence in said), said
        assert cloud.running() == [], "nothing runs that could not be of use"
        assert len(there.easel.unfinished) == 1, "the picture waits"
        cloud.heal()
        cloud.allow("ec2:*", "ssm:*", "ec2:StartInstances", "ssm:PutParameter", "ec2:CreateTags")
        cloud.give_back("g5.xlarge")
        await there.until_done(400)
        await nothing_runs_in_the_end(there)


@pytest.mark.parametrize("operation", ["DescribeInstances", "StopInstances", "*"])
async def test_a_cloud_that_fails_for_an_hour_while_it_sleeps_in_leaves_nothing_running_after(
    cloud: Cloud, operation: str
) -> None:
    cloud.add_machine()
    async with scene(cloud, options=the_plan(cloud)) as there:
        there.easel.ask()
        await there.until_done(200)
        fault = cloud.fail(operation, "InternalError", times=FOR_EVER)
        await there.clock.advance(3600)
        cloud.front.faults.remove(fault)
        assert await there.asleep(seconds=600) == []


async def test_another_kind_is_tried_and_put_back(cloud: Cloud) -> None:
    machine_id = cloud.add_machine()
    cloud.take("g5.xlarge")
    options = Ec2Options(deployment=STUDIO, security_group=cloud.setting.security_group(), plan=Plan(types=("g6.xlarge",)))
    async with scene(cloud, options=options) as there:
        there.easel.ask()
        await there.until_done(300)
        assert cloud.instance(machine_id).instance_type == "g6.xlarge"
        assert there.studio.fleet.get(machine_id).instance_type == "g6.xlarge"
        await nothing_runs_in_the_end(there)
        cloud.give_back("g5.xlarge")
        there.easel.ask()
        await there.until_done(300)
        assert cloud.instance(machine_id).instance_type == "g5.xlarge"
        await nothing_runs_in_the_end(there)

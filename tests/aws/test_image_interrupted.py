"""Commands about images that are killed anywhere, or whose calls fail: said again, they come to the same end."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.aws.cloud import STUDIO, Cloud
from tests.aws.rolling import Killed, Mortal, Pool, pool
from wake_service.clock import ManualClock
from wake_service.errors import WakebrushError
from wake_service.images.facts import find_image, mark_verified

#: How many calls of a roll of a checked image to two machines, and of a check, change something.
ROLL, CHECK = 25, 8
#: What a roll asks AWS to do.
OPERATIONS = (
    ("ec2", "CreateVolume"),
    ("ec2", "DetachVolume"),
    ("ec2", "AttachVolume"),
    ("ec2", "DeleteTags"),
    ("ec2", "ModifyInstanceAttribute"),
    ("ec2", "DeleteVolume"),
    ("ec2", "CreateTags"),
    ("ec2", "StartInstances"),
    ("ec2", "RunInstances"),
    ("ec2", "TerminateInstances"),
    ("ec2", "AuthorizeSecurityGroupIngress"),
    ("ec2", "RevokeSecurityGroupIngress"),
    ("ec2", "DescribeInstances"),
    ("ec2", "DescribeVolumes"),
    ("ec2", "DescribeImages"),
    ("ssm", "PutParameter"),
    ("ssm", "DeleteParameter"),
    ("cloudformation", "UpdateStack"),
    ("cloudformation", "DescribeStacks"),
    ("s3", "PutObject"),
    ("s3", "GetObject"),
)


@pytest.fixture
async def studio(cloud: Cloud, clock: ManualClock) -> AsyncIterator[Pool]:
    async with pool(cloud, clock) as made:
        yield made


async def checked(studio: Pool) -> str:
    """An image that was checked a moment ago."""
    image = studio.image("next")
    await mark_verified(studio.cloud.aws(), await find_image(studio.cloud.aws(), STUDIO, image))
    return image


async def assert_all_is_well(studio: Pool, image: str, models: dict[str, str]) -> None:
    await studio.clock.advance(120)
    after = await studio.sleepers()
    assert after.keys() == models.keys() and all(sleeper.settled_on(image) for sleeper in after.values())
    assert {machine: studio.models_of(machine) for machine in after} == models
    assert studio.in_plan() == image
    assert (studio.canaries(), studio.disks(), studio.let_in()) == ([], 2 * len(models), [])


async def test_every_change_of_a_roll_is_interrupted_below(studio: Pool) -> None:
    aws = studio.cloud.aws(Mortal)
    await studio.finish(studio.rollout(aws).roll(await checked(studio)))
    assert isinstance(aws, Mortal) and aws.count == ROLL


async def test_every_change_of_a_check_is_interrupted_below(studio: Pool) -> None:
    aws = studio.cloud.aws(Mortal)
    await studio.finish(studio.trials(aws).canary(await find_image(aws, STUDIO, studio.image("next"))))
    assert isinstance(aws, Mortal) and aws.count == CHECK


@pytest.mark.parametrize("change", range(1, ROLL + 1))
async def test_a_roll_that_is_killed_before_any_change_and_repeated_is_done(studio: Pool, change: int) -> None:
    image = await checked(studio)
    models = {machine: studio.models_of(machine) for machine in await studio.sleepers()}
    aws = studio.cloud.aws(Mortal)
    assert isinstance(aws, Mortal)
    aws.dies_at = change
    with pytest.raises(Killed):
        await studio.finish(studio.rollout(aws).roll(image))
    outcome = await studio.finish(studio.rollout().roll(image, wait=3600.0))
    assert outcome.done
    await assert_all_is_well(studio, image, models)


@pytest.mark.parametrize("change", range(1, CHECK + 1))
async def test_a_check_that_is_killed_before_any_change_and_repeated_leaves_nothing(studio: Pool, change: int) -> None:
    image = studio.image("next")
    aws = studio.cloud.aws(Mortal)
    assert isinstance(aws, Mortal)
    aws.dies_at = change
    with pytest.raises(Killed):
        await studio.finish(studio.trials(aws).canary(await find_image(studio.cloud.aws(), STUDIO, image)))
    await studio.finish(studio.trials().canary(await find_image(studio.cloud.aws(), STUDIO, image)))
    await studio.clock.advance(120)
    assert (studio.canaries(), studio.disks(), studio.let_in()) == ([], 4, [])


async def test_answers_of_aws_that_are_lost_are_not_noticed(studio: Pool) -> None:
    image = studio.image("next")
    models = {machine: studio.models_of(machine) for machine in await studio.sleepers()}
    lost = [studio.cloud.fail(operation, "InternalError", service=service, acted=True) for service, operation in OPERATIONS]
    assert (await studio.finish(studio.rollout().roll(image))).done
    assert [fault.operation for fault in lost if not fault.met] == []
    await assert_all_is_well(studio, image, models)


@pytest.mark.parametrize(("service", "operation"), OPERATIONS)
async def test_a_right_that_is_missing_is_said_and_a_second_time_finishes(studio: Pool, service: str, operation: str) -> None:
    image = studio.image("next")
    models = {machine: studio.models_of(machine) for machine in await studio.sleepers()}
    studio.cloud.deny(f"{service}:{operation}")
    with pytest.raises(WakebrushError):
        await studio.finish(studio.rollout().roll(image))
    studio.cloud.allow(f"{service}:{operation}")
    assert (await studio.finish(studio.rollout().roll(image, wait=3600.0))).done
    await assert_all_is_well(studio, image, models)

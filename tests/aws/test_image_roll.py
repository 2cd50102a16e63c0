"""`wakebrush image roll` and `rollback`: machines that sleep get an image, one first; models, work and the way back survive."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.aws.cloud import STUDIO, Cloud
from tests.aws.rolling import Pool, pool
from wake_service.aws import tags
from wake_service.aws.clients import Answer, Aws
from wake_service.clock import ManualClock
from wake_service.errors import EngineFailed, ProviderError, SetupError
from wake_service.images.disks import read_sleeper
from wake_service.images.facts import find_image, mark_verified


@pytest.fixture
async def studio(cloud: Cloud, clock: ManualClock) -> AsyncIterator[Pool]:
    async with pool(cloud, clock) as made:
        yield made


async def test_all_machines_of_the_pool_and_new_ones_get_the_image(studio: Pool) -> None:
    image = studio.image("next")
    machines = list(await studio.sleepers())
    models = {machine: studio.models_of(machine) for machine in machines}
    outcome = await studio.finish(studio.rollout().roll(image))
    assert outcome.done and set(outcome.machines) == set(machines) and outcome.before == studio.before
    assert {studio.boots_from(machine) for machine in machines} == {image} and studio.in_plan() == image
    assert {machine: studio.models_of(machine) for machine in machines} == models
    assert studio.disks() == 2 * len(machines), "a disk is left that nobody uses"
    assert studio.canaries() == []


async def test_an_image_whose_canary_does_not_paint_reaches_nobody(studio: Pool) -> None:
    image = studio.image("next")
    studio.broken.add(image)
    with pytest.raises(EngineFailed, match="no kernel image"):
        await studio.finish(studio.rollout().roll(image))
    assert {sleeper.image for sleeper in (await studio.sleepers()).values()} == {studio.before} == {studio.in_plan()}
    await studio.clock.advance(60)
    assert studio.canaries() == [] and studio.disks() == 4 and studio.cloud.running() == []


async def test_the_first_machine_gets_its_old_disk_back_when_it_does_not_paint_and_nothing_else_has_changed(studio: Pool) -> None:
    image = studio.image("next")
    first, second = await studio.sleepers()
    disk = (await studio.sleepers())[first].disk
    studio.broken_on.add(first)
    with pytest.raises(ProviderError, match="It has its old disk back, and nothing else was changed"):
        await studio.finish(studio.rollout().roll(image))
    after = await studio.sleepers()
    assert after[first].disk == disk and after[first].settled_on(studio.before)
    assert second not in studio.painted_on and studio.in_plan() == studio.before
    assert studio.disks() == 4 and studio.cloud.running() == []


async def test_the_first_machine_paints_before_anybody_else_gets_the_image(studio: Pool) -> None:
    image = studio.image("next")
    first, second = await studio.sleepers()
    await studio.finish(studio.rollout().roll(image))
    assert studio.painted_on[-1] == first and second not in studio.painted_on
    assert studio.stop_orders(first) == 1 and studio.cloud.state(first) in ("stopping", "stopped")


async def test_a_machine_that_is_awake_keeps_its_image_and_is_named(studio: Pool) -> None:
    image = studio.image("next")
    first, second = await studio.sleepers()
    studio.cloud.start(first)
    await studio.clock.advance(60)
    outcome = await studio.finish(studio.rollout().roll(image))
    assert outcome.left == {first: "running"} and outcome.machines == (second,)
    assert studio.boots_from(first) == studio.before and studio.cloud.state(first) == "running"


async def test_whoever_waits_gets_it_when_it_falls_asleep(studio: Pool) -> None:
    image = studio.image("next")
    first, _ = await studio.sleepers()
    studio.cloud.start(first)
    await studio.clock.advance(60)
    task = asyncio.ensure_future(studio.rollout().roll(image, wait=3600.0))
    await studio.clock.advance(900)
    assert studio.boots_from(first) == studio.before and not task.done()
    studio.cloud.power_off(first)
    await studio.clock.advance(120)
    assert (await task).done and studio.boots_from(first) == image


async def test_a_machine_that_is_woken_at_the_last_moment_keeps_its_disk(studio: Pool) -> None:
    image = studio.image("next")
    _, second = await studio.sleepers()

    class Woken(Aws):
        async def call(self, service: str, operation: str, **arguments: Any) -> Answer:
            if operation == "detach_volume" and arguments["InstanceId"] == second:
                studio.cloud.start(second)
            return await super().call(service, operation, **arguments)

    outcome = await studio.finish(studio.rollout(studio.cloud.aws(Woken)).roll(image))
    await studio.clock.advance(60)
    assert list(outcome.left) == [second] and studio.boots_from(second) == studio.before
    assert studio.cloud.state(second) == "running" and studio.disks() == 4


async def test_a_pool_that_is_all_awake_gets_it_for_new_machines_only(studio: Pool) -> None:
    image = studio.image("next")
    for machine in await studio.sleepers():
        studio.cloud.start(machine)
    await studio.clock.advance(60)
    outcome = await studio.finish(studio.rollout().roll(image))
    assert len(outcome.left) == 2 and studio.in_plan() == image
    assert any("none was tried" in line for line in studio.said)


async def test_a_check_of_the_last_day_counts_and_an_older_one_does_not(studio: Pool) -> None:
    image = studio.image("next")
    await studio.finish(studio.rollout().roll(image))
    canaries = len(studio.cloud.asked("RunInstances"))
    await studio.finish(studio.rollout().roll(image))
    assert len(studio.cloud.asked("RunInstances")) == canaries
    await studio.clock.advance(86_400)
    await studio.finish(studio.rollout().roll(image))
    assert len(studio.cloud.asked("RunInstances")) == canaries + 1


async def test_the_way_back_needs_no_check_of_an_image_that_was_checked(studio: Pool) -> None:
    await studio.finish(studio.trials().canary(await find_image(studio.cloud.aws(), STUDIO, studio.before)))
    image = studio.image("next")
    await studio.finish(studio.rollout().roll(image))
    painted, made = len(studio.painted_on), len(studio.cloud.asked("RunInstances"))
    outcome = await studio.finish(studio.rollout().back())
    assert outcome.done and outcome.image == studio.before and studio.in_plan() == studio.before
    assert {studio.boots_from(machine) for machine in await studio.sleepers()} == {studio.before}
    assert (painted, made) == (len(studio.painted_on), len(studio.cloud.asked("RunInstances")))
    assert studio.disks() == 4


async def test_back_twice_is_two_images_back_and_then_there_is_none(studio: Pool) -> None:
    second, third = studio.image("second"), studio.image("third")
    await studio.finish(studio.rollout().roll(second))
    await studio.clock.advance(60)
    await studio.finish(studio.rollout().roll(third))
    await studio.clock.advance(60)
    assert (await studio.finish(studio.rollout().back())).image == second
    await studio.clock.advance(60)
    assert (await studio.finish(studio.rollout().back())).image == studio.before
    await studio.clock.advance(60)
    with pytest.raises(SetupError, match="nothing to go back to"):
        await studio.finish(studio.rollout().back())


async def test_a_way_back_that_left_a_machine_is_gone_on_with(studio: Pool) -> None:
    image = studio.image("next")
    await studio.finish(studio.rollout().roll(image))
    await studio.clock.advance(60)
    first, _ = await studio.sleepers()
    studio.cloud.start(first)
    await studio.clock.advance(60)
    assert (await studio.finish(studio.rollout().back())).left == {first: "running"}
    studio.cloud.power_off(first)
    await studio.clock.advance(60)
    outcome = await studio.finish(studio.rollout().back())
    assert outcome.done and outcome.image == studio.before and studio.boots_from(first) == studio.before


async def test_an_image_of_another_deployment_or_none_is_refused_before_anything_is_made(studio: Pool) -> None:
    foreign = studio.image("foreign")
    studio.cloud.client("ec2").create_tags(Resources=[foreign], Tags=[{"Key": tags.DEPLOYMENT, "Value": "somebody"}])
    for image in (foreign, "ami-0123456789abcdef0"):
        with pytest.raises(SetupError, match="Nothing was changed"):
            await studio.finish(studio.rollout().roll(image))
    assert studio.cloud.asked("RunInstances") == [] == studio.cloud.asked("CreateVolume")


async def test_a_spot_machine_that_aws_took_back_is_left_alone(studio: Pool) -> None:
    described = {
        "InstanceId": "i-1",
        "ImageId": "ami-old",
        "State": {"Name": "stopped"},
        "StateReason": {"Code": "Server.SpotInstanceShutdown"},
        "Placement": {"AvailabilityZone": "us-east-1a"},
    }
    taken = read_sleeper(described, ())
    assert not taken.asleep and taken.word == "taken back by AWS"


async def test_whoever_presses_ctrl_c_leaves_no_machine_without_its_system_disk(studio: Pool) -> None:
    image = studio.image("next")
    await mark_verified(studio.cloud.aws(), await find_image(studio.cloud.aws(), STUDIO, image))
    studio.cloud.times.answer = 1.0
    task = asyncio.ensure_future(studio.rollout().roll(image))
    while not studio.cloud.asked("DetachVolume"):
        await studio.clock.advance(0.5)
    first = studio.cloud.asked("DetachVolume")[0].arguments["InstanceId"]
    task.cancel()
    for _ in range(60):
        await studio.clock.advance(1)
    assert task.cancelled() and (await studio.finish(studio.sleepers()))[first].image == image
    assert "Say the same again" in studio.said[-1]
    studio.cloud.times.answer = 0.0
    assert (await studio.finish(studio.rollout().roll(image))).done


async def test_a_machine_that_was_being_tried_when_somebody_was_interrupted_is_tried_again(studio: Pool) -> None:
    image = studio.image("next")
    await mark_verified(studio.cloud.aws(), await find_image(studio.cloud.aws(), STUDIO, image))
    first, second = await studio.sleepers()
    task = asyncio.ensure_future(studio.rollout().roll(image))
    while not studio.cloud.running():
        await studio.clock.advance(1)
    task.cancel()
    await studio.clock.advance(30)
    assert studio.boots_from(first) == image and studio.painted_on == []
    studio.broken_on.add(first)
    with pytest.raises(ProviderError, match=f"{first} does not work with this image: .* It has its old disk back"):
        await studio.finish(studio.rollout().roll(image))
    assert {studio.boots_from(machine) for machine in (first, second)} == {studio.before} and studio.disks() == 4

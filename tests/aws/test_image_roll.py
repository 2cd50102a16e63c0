"""`wakebrush image roll` and `rollback`: machines that sleep get an image, one first; models, work and the way back survive."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.aws.cloud import Cloud
from tests.aws.rolling import Pool, pool
from wake_service.clock import ManualClock


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

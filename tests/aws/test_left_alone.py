"""Left alone for a long time: machines come and go, wake and sleep, and leave nothing behind in the account or in memory."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator

import pytest

from tests.aws import workshop
from tests.aws.cloud import STUDIO, Cloud
from tests.aws.workshop import Scene, scene
from tests.service.year import LeapingClock, held
from wake_service.aws.leftovers import Leftovers
from wake_service.aws.tags import guard_parameter
from wake_service.aws.watchdog import Watchdog
from wake_service.clock import settle
from wake_service.machines.fleet import REMEMBERED_SECONDS
from wake_service.providers.ec2.options import Ec2Options
from wake_service.providers.ec2.provider import Ec2Provider

HOUR, DAY = 3600.0, 86_400.0
GENERATIONS = 12


@pytest.fixture
def clock() -> LeapingClock:
    return LeapingClock()


@pytest.fixture(autouse=True)
def watched(monkeypatch: pytest.MonkeyPatch) -> None:
    """Machines here have their alarms, as they have when the settings build them."""

    def open_provider(cloud: Cloud, options: Ec2Options) -> Ec2Provider:
        aws = cloud.aws()
        dog = Watchdog(aws, options.deployment)
        around = {"arm": dog.arm, "disarm": dog.remove, "address": cloud.find_address}
        return Ec2Provider(aws, options, cloud.clock, cloud.dial, **around)  # type: ignore[arg-type]

    monkeypatch.setattr(workshop, "open_provider", open_provider)


@pytest.fixture
async def there(cloud: Cloud) -> AsyncIterator[Scene]:
    async with scene(cloud) as there:
        yield there


async def paint(there: Scene) -> None:
    """One picture, from the wake of a machine until all sleep again."""
    there.easel.ask()
    await there.until_done(900.0)
    assert await there.asleep() == []


async def pass_by(there: Scene, seconds: float) -> None:
    """Time in which nothing is asked for: everybody wakes a few times and finds nothing to do."""
    assert isinstance(there.clock, LeapingClock)
    for _ in range(8):
        await there.clock.leap(there.clock.now() + seconds / 8)
        await settle(50)


def alarms(cloud: Cloud) -> set[str]:
    return {alarm["AlarmName"] for alarm in cloud.client("cloudwatch").describe_alarms()["MetricAlarms"]}


def keys(cloud: Cloud) -> set[str]:
    return {parameter["Name"] for parameter in cloud.client("ssm").describe_parameters()["Parameters"]}


def remembered(there: Scene) -> dict[str, int]:
    studio = there.studio
    roots = (studio.fleet, studio.provider, studio.keeper, studio.reaper, studio.controller, studio.ledger)
    return dict(held(roots))


async def test_machines_that_come_and_go_leave_no_alarm_no_key_and_no_memory(cloud: Cloud, there: Scene) -> None:
    memories = []
    for _ in range(GENERATIONS):
        machine = cloud.add_machine()
        await pass_by(there, HOUR)
        await paint(there)
        assert alarms(cloud) == {f"{STUDIO}-idle-{machine}"}
        assert keys(cloud) == {guard_parameter(STUDIO, machine)}
        cloud.terminate(machine)
        await pass_by(there, REMEMBERED_SECONDS + 4 * HOUR)
        assert (alarms(cloud), keys(cloud)) == (set(), set())
        assert there.studio.fleet.all() == []
        memories.append(remembered(there))
    half, end = memories[GENERATIONS // 2], memories[-1]
    growing = {name: (half.get(name, 0), count) for name, count in end.items() if count > half.get(name, 0) + 2}
    assert {name for name in growing if not name.startswith(("WakeEstimate.", "Reaper.findings"))} == set()  # bounded by number
    assert len(there.easel.pictures) == GENERATIONS


async def test_every_wake_of_a_year_has_a_token_of_its_own(cloud: Cloud, there: Scene) -> None:
    machine = cloud.add_machine()
    await pass_by(there, HOUR)
    tokens = []
    for _ in range(12):
        await paint(there)
        name = guard_parameter(STUDIO, machine)
        tokens.append(cloud.client("ssm").get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"])
        await pass_by(there, 30 * DAY)
    assert len(set(tokens)) == 12
    assert all(len(token) >= 43 for token in tokens)


async def test_a_machine_that_was_rebuilt_with_another_certificate_is_pinned_anew(cloud: Cloud, there: Scene) -> None:
    machine = cloud.add_machine()
    await pass_by(there, HOUR)
    await paint(there)
    await pass_by(there, 200 * DAY)
    cloud.machine(machine).fingerprint = another = hashlib.sha256(b"rebuilt").hexdigest()
    there.easel.ask()
    await there.until_done(900.0)
    assert (await there.studio.provider.door(machine)).fingerprint == another


async def test_what_nobody_saw_go_is_cleared_away_and_nothing_else(cloud: Cloud, there: Scene) -> None:
    gone, stays = cloud.add_machine(), cloud.add_machine()
    dog, strange = Watchdog(cloud.aws(), STUDIO), Watchdog(cloud.aws(), f"{STUDIO}-idle")
    keys_of = there.studio.provider._keys
    for machine in (gone, stays):
        await dog.ensure(machine)
        await keys_of.write(machine, cloud.arn(machine))
    await strange.ensure(gone)
    await there.kill()
    cloud.terminate(gone)
    await pass_by(there, 4 * HOUR)
    leftovers = Leftovers(cloud.aws(), STUDIO)
    assert await leftovers.clear() == []  # what was made a moment ago would look the same
    assert len(await leftovers.clear()) == 2
    assert alarms(cloud) == {dog.alarm_name(stays), strange.alarm_name(gone)}
    assert keys(cloud) == {guard_parameter(STUDIO, stays)}


async def test_a_machine_deleted_while_no_service_ran_is_gone_for_the_next_one(cloud: Cloud, there: Scene) -> None:
    machine = cloud.add_machine()
    await pass_by(there, HOUR)
    await paint(there)
    await there.kill()
    cloud.terminate(machine)
    await pass_by(there, 4 * HOUR)
    await there.revive()
    assert [each.id for each in there.studio.fleet.all()] == [machine]
    other = cloud.add_machine()
    await pass_by(there, HOUR)
    await paint(there)
    assert there.easel.pictures[-1].machines == [other]
    await pass_by(there, REMEMBERED_SECONDS + HOUR)
    assert [each.id for each in there.studio.fleet.all()] == [other]

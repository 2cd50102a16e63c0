"""A machine that everybody has forgotten is stopped by each of AWS's own layers alone, counted from the cloud's own list."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from tests.aws.cloud import STUDIO, Cloud
from wake_service.aws.curfew_schedule import CurfewSchedule
from wake_service.aws.tags import DEPLOYMENT, POOL
from wake_service.aws.watchdog import ARM_SECONDS, DIMENSION, METRIC, NAMESPACE, PERIOD, Watchdog
from wake_service.clock import ManualClock
from wake_service.machines.curfew import Curfew

HOUR, MINUTE = 3600.0, 60.0
ZONE = "Europe/Berlin"
WEEKEND = "Fri 22:00 - Mon 07:00"
#: A Wednesday afternoon.
WEDNESDAY = datetime(2026, 11, 25, 16, tzinfo=ZoneInfo(ZONE)).timestamp()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(WEDNESDAY)


@pytest.fixture
def watchdog(cloud: Cloud) -> Watchdog:
    return Watchdog(cloud.aws(), STUDIO)


def report(cloud: Cloud, machine_id: str, busy: float) -> None:
    """As the machine's idle monitor does."""
    datum = {
        "MetricName": METRIC,
        "Dimensions": [{"Name": DIMENSION, "Value": machine_id}],
        "Timestamp": cloud.clock.now(),
        "Value": busy,
    }
    cloud.client("cloudwatch").put_metric_data(Namespace=NAMESPACE, MetricData=[datum])


async def live(cloud: Cloud, clock: ManualClock, machine_id: str, seconds: float, busy: float) -> None:
    """The monitor reports, once a minute."""
    for _ in range(int(seconds // MINUTE)):
        await clock.advance(MINUTE)
        report(cloud, machine_id, busy)


async def woken(cloud: Cloud, clock: ManualClock, watchdog: Watchdog) -> str:
    """A machine that was asleep for long, armed and started."""
    machine_id = cloud.add_machine()
    await watchdog.ensure(machine_id)
    await clock.advance(3 * HOUR)
    assert cloud.alarms.state(watchdog.alarm_name(machine_id)) == "ALARM"
    await watchdog.arm(machine_id)
    cloud.start(machine_id)
    return machine_id


async def test_a_machine_that_says_nothing_is_stopped_by_its_alarm(cloud: Cloud, clock: ManualClock, watchdog: Watchdog) -> None:
    await woken(cloud, clock, watchdog)
    await clock.advance(45 * MINUTE)
    assert cloud.running()
    await clock.advance(2 * PERIOD + cloud.times.stopping)
    assert not cloud.running()


async def test_a_machine_that_says_it_has_nothing_to_do_is_stopped_by_its_alarm(
    cloud: Cloud, clock: ManualClock, watchdog: Watchdog
) -> None:
    machine_id = await woken(cloud, clock, watchdog)
    await live(cloud, clock, machine_id, 3 * HOUR, busy=1)
    assert cloud.running()
    await live(cloud, clock, machine_id, 44 * MINUTE, busy=0)
    assert cloud.running()
    await live(cloud, clock, machine_id, 12 * MINUTE, busy=0)
    assert not cloud.running()


async def test_a_machine_at_work_is_never_stopped_by_its_alarm(cloud: Cloud, clock: ManualClock, watchdog: Watchdog) -> None:
    machine_id = await woken(cloud, clock, watchdog)
    for _ in range(8):
        await live(cloud, clock, machine_id, 40 * MINUTE, busy=0)
        await live(cloud, clock, machine_id, MINUTE, busy=1)
    assert cloud.running()


async def test_the_silence_of_a_long_night_does_not_stop_the_machine_that_wakes(
    cloud: Cloud, clock: ManualClock, watchdog: Watchdog
) -> None:
    machine_id = await woken(cloud, clock, watchdog)
    await clock.advance(3 * PERIOD)
    assert cloud.running() == [machine_id]


async def test_an_alarm_that_nobody_armed_never_acts_again(cloud: Cloud, clock: ManualClock, watchdog: Watchdog) -> None:
    """Why arming is part of every start: it is what CloudWatch does, and what would be lost."""
    machine_id = cloud.add_machine()
    await watchdog.ensure(machine_id)
    await clock.advance(3 * HOUR)
    cloud.start(machine_id)
    await clock.advance(24 * HOUR)
    assert cloud.running() == [machine_id]


async def test_an_alarm_guards_every_life_of_a_machine(cloud: Cloud, clock: ManualClock, watchdog: Watchdog) -> None:
    machine_id = await woken(cloud, clock, watchdog)
    for _ in range(3):
        await clock.advance(2 * HOUR)
        assert not cloud.running()
        await watchdog.arm(machine_id)
        cloud.start(machine_id)
        await clock.advance(HOUR / 2)
        assert cloud.running()


@pytest.mark.parametrize("operation", ["PutMetricAlarm", "SetAlarmState", "PutMetricData"])
@pytest.mark.parametrize("code", ["AccessDenied", "Throttling"])
async def test_a_right_that_is_missing_is_said_and_holds_no_wake_up(
    cloud: Cloud, clock: ManualClock, watchdog: Watchdog, operation: str, code: str
) -> None:
    machine_id = cloud.add_machine()
    cloud.fail(operation, code, times=None)
    arming = watchdog.arm(machine_id)
    began, done = clock.now(), []

    async def wake() -> None:
        await arming
        done.append(clock.now() - began)

    waking = asyncio.create_task(wake())
    await clock.advance(ARM_SECONDS)
    await waking
    assert done[0] <= ARM_SECONDS
    assert watchdog.trouble is not None and machine_id in watchdog.trouble
    cloud.heal()
    await watchdog.arm(machine_id)
    assert watchdog.trouble is None


async def test_an_alarm_can_be_made_twice_and_removed_twice(cloud: Cloud, watchdog: Watchdog) -> None:
    machine_id = cloud.add_machine()
    for _ in range(2):
        await watchdog.ensure(machine_id)
    alarms = cloud.client("cloudwatch").describe_alarms()["MetricAlarms"]
    assert [alarm["AlarmActions"] for alarm in alarms] == [["arn:aws:automate:us-east-1:ec2:stop"]]
    for _ in range(2):
        await watchdog.remove(machine_id)
    assert not cloud.client("cloudwatch").describe_alarms()["MetricAlarms"]


async def test_a_longer_idle_time_makes_a_more_patient_alarm(cloud: Cloud) -> None:
    assert Watchdog(cloud.aws(), STUDIO, idle_seconds=2 * HOUR).periods * PERIOD >= 2 * HOUR + 15 * MINUTE
    assert Watchdog(cloud.aws(), STUDIO, idle_seconds=60).periods * PERIOD == 45 * MINUTE


@pytest.fixture
def schedule(cloud: Cloud) -> CurfewSchedule:
    """Schedules in an account as the stack leaves it."""
    cloud.client("scheduler").create_schedule_group(Name=STUDIO)
    query = {
        "ResourceTypeFilters": ["AWS::EC2::Instance"],
        "TagFilters": [{"Key": DEPLOYMENT, "Values": [STUDIO]}, {"Key": POOL, "Values": []}],
    }
    cloud.client("resource-groups").create_group(
        Name=f"{STUDIO}-machines", ResourceQuery={"Type": "TAG_FILTERS_1_0", "Query": json.dumps(query)}
    )
    role = f"arn:aws:iam::{cloud.account.number}:role/curfew"
    return CurfewSchedule(cloud.aws(), group=STUDIO, role=role, machine_list=f"{STUDIO}-machines", allowance=HOUR)


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(ZONE)).timestamp()


async def until(clock: ManualClock, text: str) -> None:
    await clock.advance(at(text) - clock.now())


async def test_with_everything_dead_the_curfew_stops_every_machine(
    cloud: Cloud, clock: ManualClock, schedule: CurfewSchedule
) -> None:
    await schedule.keep(Curfew.parse(WEEKEND, ZONE))
    cloud.add_machine()
    await until(clock, "2026-11-27T21:00")
    for _ in range(2):
        cloud.start(cloud.add_machine())
    await until(clock, "2026-11-27T22:59")
    assert len(cloud.running()) == 2
    await until(clock, "2026-11-27T23:01")
    assert not cloud.running()


async def test_a_machine_that_somebody_starts_during_the_curfew_is_stopped_within_the_hour(
    cloud: Cloud, clock: ManualClock, schedule: CurfewSchedule
) -> None:
    await schedule.keep(Curfew.parse(WEEKEND, ZONE))
    machine_id = cloud.add_machine()
    await until(clock, "2026-11-29T14:20")
    cloud.start(machine_id)
    await clock.advance(HOUR)
    assert not cloud.running()
    await until(clock, "2026-11-30T07:00")
    cloud.start(machine_id)
    await clock.advance(24 * HOUR)
    assert cloud.running() == [machine_id]


async def test_others_machines_are_left_alone(cloud: Cloud, clock: ManualClock, schedule: CurfewSchedule) -> None:
    await schedule.keep(Curfew.parse(WEEKEND, ZONE))
    others = cloud.add_machine(deployment="others")
    await until(clock, "2026-11-27T22:00")
    cloud.start(others)
    await until(clock, "2026-11-27T23:01")
    assert cloud.running() == [others]


async def test_days_that_are_exempt_are_left_out_though_the_service_does_not_live_to_see_them(
    cloud: Cloud, clock: ManualClock, schedule: CurfewSchedule
) -> None:
    await schedule.keep(Curfew.parse(WEEKEND, ZONE, ["2026-12-04 .. 2026-12-06 delivery week"]))
    machine_id = cloud.add_machine()
    await until(clock, "2026-12-06T20:00")
    cloud.start(machine_id)
    await until(clock, "2026-12-06T23:59")
    assert cloud.running() == [machine_id]
    await until(clock, "2026-12-07T01:01")
    assert not cloud.running()
    await until(clock, "2026-12-11T20:00")
    cloud.start(machine_id)
    await until(clock, "2026-12-11T23:01")
    assert not cloud.running()


async def test_schedules_follow_the_curfew(cloud: Cloud, clock: ManualClock, schedule: CurfewSchedule) -> None:
    def names() -> list[str]:
        return sorted(found["Name"] for found in cloud.client("scheduler").list_schedules(GroupName=STUDIO)["Schedules"])

    await schedule.keep(Curfew.parse(WEEKEND, ZONE, ["2026-12-04 .. 2026-12-06 delivery week"]))
    assert len(names()) == 6
    await schedule.keep(Curfew.parse("22:00 - 07:00", ZONE))
    assert names() == [f"{STUDIO}-curfew-0"]
    await clock.advance(HOUR)
    await schedule.keep(Curfew.parse(WEEKEND, ZONE))
    assert len(names()) == 3
    await schedule.keep(None)
    assert not names()

"""The stand-in's alarms and schedules go by the clock: what they do, and what AWS's do not do either."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.aws.cloud import Cloud
from tests.aws.cloud.cron import NotASchedule, next_time
from wake_service.aws.clients import Aws
from wake_service.aws.errors import AwsError
from wake_service.clock import ManualClock

PERIOD = 60


async def awake(cloud: Cloud, clock: ManualClock) -> str:
    id = cloud.add_machine()
    cloud.start(id)
    await clock.advance(cloud.times.wake)
    return id


async def set_alarm(aws: Aws, id: str, **changed: Any) -> None:
    """Stops the machine when it was not busy for three periods, or says nothing."""
    wish = {
        "AlarmName": f"idle-{id}",
        "Namespace": "Wakebrush",
        "MetricName": "Busy",
        "Dimensions": [{"Name": "InstanceId", "Value": id}],
        "Statistic": "Maximum",
        "Period": PERIOD,
        "EvaluationPeriods": 3,
        "Threshold": 1.0,
        "ComparisonOperator": "LessThanThreshold",
        "TreatMissingData": "breaching",
        "AlarmActions": [f"arn:aws:automate:{aws.region}:ec2:stop"],
    } | changed
    await aws.call("cloudwatch", "put_metric_alarm", **wish)


async def say_busy(aws: Aws, id: str, busy: float) -> None:
    datum = {"MetricName": "Busy", "Dimensions": [{"Name": "InstanceId", "Value": id}], "Value": busy}
    await aws.call("cloudwatch", "put_metric_data", Namespace="Wakebrush", MetricData=[datum])


async def test_an_alarm_stops_a_machine_whose_metric_is_missing(cloud: Cloud, clock: ManualClock) -> None:
    id = await awake(cloud, clock)
    await set_alarm(cloud.aws(), id)
    await clock.advance(PERIOD + cloud.times.stopping)
    assert cloud.state(id) == "stopped"


async def test_a_busy_machine_is_left_alone_until_it_was_idle_for_all_periods(cloud: Cloud, clock: ManualClock) -> None:
    aws, id = cloud.aws(), await awake(cloud, clock)
    await say_busy(aws, id, 1.0)
    await set_alarm(aws, id)
    for _ in range(10):
        await clock.advance(PERIOD)
        assert cloud.alarms.state(f"idle-{id}") == "OK"
        await say_busy(aws, id, 1.0)
    for _ in range(3):
        assert cloud.state(id) == "running"
        await clock.advance(PERIOD)
        await say_busy(aws, id, 0.0)
    await clock.advance(PERIOD)
    assert cloud.state(id) != "running"


async def test_an_alarm_that_is_on_already_does_nothing_until_somebody_sets_it_to_ok(cloud: Cloud, clock: ManualClock) -> None:
    aws, id = cloud.aws(), await awake(cloud, clock)
    await set_alarm(aws, id)
    await clock.advance(3600)
    assert cloud.state(id) == "stopped"
    cloud.start(id)
    await clock.advance(3600)
    assert (cloud.state(id), cloud.alarms.state(f"idle-{id}")) == ("running", "ALARM")
    await aws.call("cloudwatch", "set_alarm_state", AlarmName=f"idle-{id}", StateValue="OK", StateReason="a start")
    await clock.advance(3600)
    assert cloud.state(id) == "stopped"


async def test_an_alarm_without_a_word_on_missing_data_does_not_act_on_it(cloud: Cloud, clock: ManualClock) -> None:
    id = await awake(cloud, clock)
    await set_alarm(cloud.aws(), id, TreatMissingData="missing")
    await clock.advance(3600)
    shown = (await cloud.aws().call("cloudwatch", "describe_alarms"))["MetricAlarms"][0]["StateValue"]
    assert (cloud.state(id), shown) == ("running", "INSUFFICIENT_DATA")


async def test_a_sleeping_account_costs_no_work(cloud: Cloud, clock: ManualClock) -> None:
    id = await awake(cloud, clock)
    await set_alarm(cloud.aws(), id)
    await clock.advance(3600)
    before = cloud.front.version
    await clock.advance(366 * 86400)
    assert cloud.front.version == before


def stop_at(cloud: Cloud, id: str, expression: str, **changed: Any) -> dict[str, Any]:
    return {
        "Name": "curfew",
        "ScheduleExpression": expression,
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": {
            "Arn": "arn:aws:scheduler:::aws-sdk:ec2:stopInstances",
            "RoleArn": f"arn:aws:iam::{cloud.account.number}:role/curfew",
            "Input": f'{{"InstanceIds": ["{id}"]}}',
        },
    } | changed


async def test_a_schedule_stops_a_machine_at_its_time(cloud: Cloud, clock: ManualClock) -> None:
    aws, id = cloud.aws(), await awake(cloud, clock)
    # The clock begins on Friday, 15 January 2027, 8:00 UTC.
    wish = stop_at(cloud, id, "cron(0 22 ? * FRI *)", ScheduleExpressionTimezone="Europe/Berlin")
    await aws.call("scheduler", "create_schedule", **wish)
    due = datetime(2027, 1, 15, 21, 0, tzinfo=UTC).timestamp()
    await clock.advance(due - clock.now() - 1)
    assert cloud.state(id) == "running"
    await clock.advance(1)
    assert cloud.state(id) == "stopping"
    assert cloud.schedules.fired == [(due, "curfew", "done")]
    assert [call.by for call in cloud.calls if call.operation == "StopInstances"] == ["scheduler"]


async def test_a_schedule_that_met_a_starting_machine_tries_again(cloud: Cloud, clock: ManualClock) -> None:
    id = cloud.add_machine()
    await cloud.aws().call("scheduler", "create_schedule", **stop_at(cloud, id, "at(2027-01-15T08:10:00)"))
    await clock.advance(10 * 60 - 1)
    cloud.start(id)
    await clock.advance(120)
    assert [how for _, _, how in cloud.schedules.fired] == ["IncorrectInstanceState", "done"]


async def test_a_schedule_that_is_off_or_gone_does_not_fire(cloud: Cloud, clock: ManualClock) -> None:
    aws, id = cloud.aws(), await awake(cloud, clock)
    await aws.call("scheduler", "create_schedule", **stop_at(cloud, id, "rate(1 hour)"), State="DISABLED")
    await clock.advance(7200)
    await aws.call("scheduler", "update_schedule", **stop_at(cloud, id, "rate(1 hour)"), State="ENABLED")
    await aws.call("scheduler", "delete_schedule", Name="curfew")
    await clock.advance(7200)
    assert (cloud.state(id), cloud.schedules.fired) == ("running", [])


async def test_an_expression_that_is_none_is_refused(cloud: Cloud) -> None:
    with pytest.raises(AwsError, match="ValidationException"):
        await cloud.aws().call("scheduler", "create_schedule", **stop_at(cloud, "i-1", "cron(0 22 * * FRI)"))


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("cron(0/20 9-17 ? * MON-FRI *)", "2027-01-15T09:00"),
        ("cron(30 6 1 2,4 ? *)", "2027-02-01T06:30"),
        ("cron(0 0 L * ? *)", "2027-01-31T00:00"),
        ("cron(0 7 ? * SAT-MON *)", "2027-01-16T07:00"),
        ("cron(0 7 29 2 ? *)", "2028-02-29T07:00"),
        ("at(2027-03-01T00:00:00)", "2027-03-01T00:00"),
        ("rate(2 hours)", "2027-01-15T10:00"),
    ],
)
def test_schedule_expressions_are_read_as_aws_reads_them(expression: str, expected: str) -> None:
    now = datetime(2027, 1, 15, 8, 0, tzinfo=UTC).timestamp()
    assert next_time(expression, "UTC", now, now) == datetime.fromisoformat(expected).replace(tzinfo=UTC).timestamp()


def test_a_schedule_of_the_past_has_no_next_time() -> None:
    now = datetime(2027, 1, 15, 8, 0, tzinfo=UTC).timestamp()
    assert next_time("at(2027-01-01T00:00:00)", "UTC", now, now) is None
    assert next_time("cron(0 7 ? * MON 2026)", "UTC", now, now) is None
    with pytest.raises(NotASchedule):
        next_time("every day", "UTC", now, now)

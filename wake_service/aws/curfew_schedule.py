"""The curfew as schedules of EventBridge, which stop all our machines whether or not anything of ours is alive.

A schedule has a runbook of AWS's own stop what is on the deployment's list of machines (a resource group, by tags), so nothing
here names a machine. It fires when a picture that was begun before the curfew must be done, and then once an hour, for
machines that somebody started meanwhile. Days that are exempt are left out by dates on the schedules: they hold even if the
service does not live to see them.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from wake_service.aws.clients import Aws
from wake_service.aws.errors import AwsNotFound
from wake_service.errors import ProviderError

log = logging.getLogger(__name__)

_DAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
#: How often the schedules are brought in step, in seconds; and after a failure.
_EVERY, _AGAIN = 86_400.0, 3600.0


class Stretch(Protocol):
    """A part of the week, as machines/curfew.py reads it."""

    @property
    def weekdays(self) -> tuple[int, ...]: ...
    @property
    def begins(self) -> time: ...
    @property
    def nights(self) -> int: ...
    @property
    def ends(self) -> time: ...


class Hours(Protocol):
    """A curfew (machines/curfew.py)."""

    @property
    def spans(self) -> Sequence[Stretch]: ...
    @property
    def zone(self) -> ZoneInfo: ...
    def freed(self) -> tuple[tuple[float, float, str], ...]: ...


@dataclass(frozen=True, slots=True)
class Firing:
    """One schedule: a cron expression of EventBridge's, read by clocks of `timezone`; good between two moments (epoch seconds;
    None: from now on, or for ever)."""

    cron: str
    timezone: str
    begins: float | None
    ends: float | None


def firings(curfew: Hours, allowance: float, now: float) -> list[Firing]:
    """The schedules that a curfew needs. `allowance`: seconds that work begun before it is given to end."""
    crons = [cron for span in curfew.spans for cron in _crons(span, int(allowance // 60))]
    zone = curfew.zone.key
    return [Firing(cron, zone, begins, ends) for begins, ends in _between(curfew.freed(), now) for cron in crons]


class CurfewSchedule:
    """Keeps the schedules of one deployment in step with its curfew.

    `group` is the deployment's group of schedules, `role` the ARN by which they act, `machine_list` the name of the resource
    group with its machines (the stack's outputs ScheduleGroup, CurfewRole, MachineList).
    """

    def __init__(self, aws: Aws, *, group: str, role: str, machine_list: str, allowance: float = 3600.0) -> None:
        self._aws = aws
        self._group = group
        self._role = role
        self._machine_list = machine_list
        self._allowance = allowance

    async def run(self, curfew: Hours | None) -> None:
        """Brings them in step at once and every day, for ever: exceptions that are over are dates no longer needed."""
        while True:
            try:
                await self.keep(curfew)
                pause = _EVERY
            except ProviderError as error:
                log.warning("The curfew's schedules could not be brought in step, and are tried again in an hour: %s", error)
                pause = _AGAIN
            await self._aws.clock.sleep(pause)

    async def keep(self, curfew: Hours | None) -> None:
        """Makes the schedules what they should be; None takes all away. Raises ProviderError."""
        wanted = firings(curfew, self._allowance, self._aws.clock.now()) if curfew is not None else []
        for number, firing in enumerate(wanted):
            await self._put(self._settings(number, firing))
        number = len(wanted)
        while await self._delete(number):
            number += 1

    async def _put(self, settings: dict[str, Any]) -> None:
        try:
            await self._aws.call("scheduler", "update_schedule", **settings)
        except AwsNotFound:
            await self._aws.call("scheduler", "create_schedule", **settings)

    async def _delete(self, number: int) -> bool:
        """Whether there was one of that number."""
        try:
            await self._aws.call("scheduler", "delete_schedule", GroupName=self._group, Name=self._name(number))
        except AwsNotFound:
            return False
        return True

    def _name(self, number: int) -> str:
        return f"{self._group}-curfew-{number}"

    def _settings(self, number: int, firing: Firing) -> dict[str, Any]:
        partition = self._aws.client("scheduler").meta.partition
        dates = {"StartDate": firing.begins, "EndDate": firing.ends}
        return {
            "GroupName": self._group,
            "Name": self._name(number),
            "Description": "Stops every machine of Wakebrush during the curfew",
            "ScheduleExpression": firing.cron,
            "ScheduleExpressionTimezone": firing.timezone,
            **{name: datetime.fromtimestamp(moment, UTC) for name, moment in dates.items() if moment is not None},
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "State": "ENABLED",
            "Target": {
                "Arn": f"arn:{partition}:scheduler:::aws-sdk:ssm:startAutomationExecution",
                "RoleArn": self._role,
                "Input": json.dumps(self._order()),
                "RetryPolicy": {"MaximumRetryAttempts": 3, "MaximumEventAgeInSeconds": 3600},
            },
        }

    def _order(self) -> dict[str, Any]:
        return {
            "DocumentName": "AWS-StopEC2Instance",
            "TargetParameterName": "InstanceId",
            "Targets": [{"Key": "ResourceGroup", "Values": [self._machine_list]}],
            "MaxConcurrency": "100%",
            "MaxErrors": "100%",
            "Parameters": {"AutomationAssumeRole": [self._role]},
        }


def _crons(span: Stretch, allowance: int) -> Iterator[str]:
    """When a span is enforced, minutes `allowance` after it begins at the latest but a minute before it ends, and every hour
    from then on: one expression for the days that have the same hours."""
    begins = span.begins.hour * 60 + span.begins.minute
    ends = span.nights * 1440 + span.ends.hour * 60 + span.ends.minute
    first = min(begins + allowance, ends - 1)
    hours: dict[int, set[int]] = {}
    for weekday in span.weekdays:
        for minute in range(first, ends, 60):
            hours.setdefault((weekday + minute // 1440) % 7, set()).add(minute % 1440 // 60)
    same: dict[tuple[int, ...], list[int]] = {}
    for weekday in sorted(hours):
        same.setdefault(tuple(sorted(hours[weekday])), []).append(weekday)
    for at, weekdays in same.items():
        yield f"cron({first % 60} {','.join(map(str, at))} ? * {','.join(_DAYS[day] for day in weekdays)} *)"


def _between(freed: Sequence[tuple[float, float, str]], now: float) -> Iterator[tuple[float | None, float | None]]:
    """The times from `now` on that no exception takes out."""
    begins: float | None = None
    for first, last, _ in sorted(stretch for stretch in freed if stretch[1] > now):
        if first - 60 > (now if begins is None else begins):
            yield begins, first - 1
        begins = max(last, begins or last)
    yield begins, None

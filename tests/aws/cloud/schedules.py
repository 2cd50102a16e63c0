"""EventBridge schedules that fire as time passes."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError
from moto.scheduler.exceptions import ValidationException
from moto.scheduler.models import EventBridgeSchedulerBackend, Schedule

from tests.aws.cloud.automation import run
from tests.aws.cloud.cron import NotASchedule, next_time

if TYPE_CHECKING:
    from tests.aws.cloud.cloud import Cloud

#: Any operation of AWS as a target: `arn:aws:scheduler:::aws-sdk:ec2:stopInstances`, its arguments as the target's Input.
_TARGET = re.compile(r"arn:aws[\w-]*:scheduler:::aws-sdk:(\w+):(\w+)")
_RETRY_SECONDS = 60.0


class Scheduler(EventBridgeSchedulerBackend):
    """moto's scheduler that says when something changed."""

    def __init__(self, region_name: str, account_id: str, schedules: Schedules) -> None:
        super().__init__(region_name, account_id)
        self._told = schedules

    def create_schedule(self, *args: Any, **kwargs: Any) -> Schedule:
        self._check(kwargs)
        schedule: Schedule = super().create_schedule(*args, **kwargs)
        self._told.plan(schedule)
        return schedule

    def update_schedule(self, *args: Any, **kwargs: Any) -> Schedule:
        self._check(kwargs)
        schedule: Schedule = super().update_schedule(*args, **kwargs)
        self._told.plan(schedule)
        return schedule

    def _check(self, asked: dict[str, Any]) -> None:
        now = self._told.now
        try:
            next_time(asked["schedule_expression"], asked.get("schedule_expression_timezone") or "UTC", now, now)
        except (NotASchedule, KeyError, ValueError) as flaw:
            raise ValidationException(message=str(flaw)) from flaw


class Schedules:
    """Fires every enabled schedule at its times."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self.backend = Scheduler(cloud.region, cloud.account.number, self)
        cloud.account.replace("scheduler", self.backend)
        self._plans: dict[str, int] = {}
        #: What has fired: (moment, name of the schedule, how it ended: `done` or AWS's error code).
        self.fired: list[tuple[float, str, str]] = []

    @property
    def now(self) -> float:
        """The moment."""
        return self._cloud.clock.now()

    def plan(self, schedule: Schedule) -> None:
        """Plans its next time; what was planned for it before is void."""
        self._plans[schedule.arn] = plan = self._plans.get(schedule.arn, 0) + 1
        begins = max(self.now, float(schedule.start_date or 0) - 1)
        due = next_time(schedule.schedule_expression, schedule.schedule_expression_timezone, begins, schedule.creation_date)
        if due is not None and (schedule.end_date is None or due <= float(schedule.end_date)):
            self._cloud.timeline.at(due, lambda: self._fire(schedule, plan))

    def _fire(self, schedule: Schedule, plan: int) -> None:
        group = self.backend.schedule_groups.get(schedule.group_name)
        if group is None or group.schedules.get(schedule.name) is not schedule or self._plans[schedule.arn] != plan:
            return
        if schedule.state == "ENABLED":
            self._invoke(schedule, plan, int(schedule.target["RetryPolicy"].get("MaximumRetryAttempts", 185)))
            if schedule.schedule_expression.startswith("at(") and schedule.action_after_completion == "DELETE":
                group.delete_schedule(schedule.name)
                return
        self.plan(schedule)

    def _invoke(self, schedule: Schedule, plan: int, tries_left: int) -> None:
        """Calls the target; a refusal is tried again after a while, as long as the schedule says."""
        target = _TARGET.fullmatch(schedule.target["Arn"])
        if target is None:
            self.fired.append((self.now, schedule.name, "unknown target"))
            return
        service, action = target.groups()
        operation = re.sub(r"(?<!^)(?=[A-Z])", "_", action).lower()
        try:
            with self._cloud.front.inside("scheduler"):
                arguments = json.loads(schedule.target.get("Input") or "{}")
                if operation == "start_automation_execution":
                    run(self._cloud, **arguments)
                else:
                    getattr(self._cloud.setting.raw_client(service), operation)(**arguments)
        except ClientError as refused:
            self.fired.append((self.now, schedule.name, refused.response["Error"]["Code"]))
            if tries_left > 0:
                self._cloud.timeline.after(_RETRY_SECONDS, lambda: self._invoke(schedule, plan, tries_left - 1))
        else:
            self.fired.append((self.now, schedule.name, "done"))

"""CloudWatch alarms that are evaluated as time passes, and act when their state changes, only then."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from moto.cloudwatch.models import Alarm, CloudWatchBackend

if TYPE_CHECKING:
    from tests.aws.cloud.cloud import Cloud

#: Data that is older than this (seconds) is of no use to any alarm here.
_KEPT_SECONDS = 4 * 3600.0
_COMPARE = {
    "GreaterThanOrEqualToThreshold": lambda value, threshold: value >= threshold,
    "GreaterThanThreshold": lambda value, threshold: value > threshold,
    "LessThanThreshold": lambda value, threshold: value < threshold,
    "LessThanOrEqualToThreshold": lambda value, threshold: value <= threshold,
}


class CloudWatch(CloudWatchBackend):
    """moto's CloudWatch that says when something came in."""

    def __init__(self, region_name: str, account_id: str, alarms: Alarms) -> None:
        super().__init__(region_name, account_id)
        self._told = alarms

    def put_metric_alarm(self, name: str, *args: Any, **kwargs: Any) -> Alarm:
        """A new alarm knows nothing yet; a changed one keeps its state."""
        before = self.alarms.get(name)
        alarm: Alarm = super().put_metric_alarm(name, *args, **kwargs)
        alarm.state_value = before.state_value if before else "INSUFFICIENT_DATA"
        self._told.watch(alarm)
        return alarm

    def put_metric_data(self, namespace: str, metric_data: list[dict[str, Any]]) -> None:
        super().put_metric_data(namespace, metric_data)
        self._told.data_came()

    def set_alarm_state(self, alarm_name: str, reason: str, reason_data: str, state_value: str) -> None:
        alarm = self.alarms.get(alarm_name)
        before = alarm.state_value if alarm else None
        super().set_alarm_state(alarm_name, reason, reason_data, state_value)
        if alarm:
            self._told.acts(alarm, before)
            self._told.watch(alarm)


class Alarms:
    """Evaluates every alarm once a period, as long as that can change anything."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self.backend = CloudWatch(cloud.region, cloud.account.number, self)
        cloud.account.replace("cloudwatch", self.backend)
        self._watched: set[str] = set()
        #: What alarms have done: (moment, name of the alarm, action).
        self.actions: list[tuple[float, str, str]] = []

    def state(self, name: str) -> str:
        """The state of an alarm now."""
        return str(self.backend.alarms[name].state_value)

    def watch(self, alarm: Alarm) -> None:
        """Evaluates it from its next period on."""
        if alarm.name not in self._watched and alarm.period:
            self._watched.add(alarm.name)
            now = self._cloud.clock.now()
            self._cloud.timeline.at((now // alarm.period + 1) * alarm.period, lambda: self._evaluate(alarm.name))

    def data_came(self) -> None:
        """New data may change what any alarm thinks; data that nobody can need any more goes."""
        oldest = datetime.fromtimestamp(self._cloud.clock.now() - _KEPT_SECONDS, UTC).replace(tzinfo=None)
        data = self.backend.metric_data
        if data and _naive(data[0].timestamp) < oldest:
            data[:] = [datum for datum in data if _naive(datum.timestamp) >= oldest]
        for alarm in self.backend.alarms.values():
            self.watch(alarm)

    def acts(self, alarm: Alarm, before: str | None) -> None:
        """What follows from a state, if it is another one than before."""
        if alarm.state_value == before or not alarm.actions_enabled:
            return
        lists = {"ALARM": alarm.alarm_actions, "OK": alarm.ok_actions, "INSUFFICIENT_DATA": alarm.insufficient_data_actions}
        for action in lists[alarm.state_value] or []:
            self.actions.append((self._cloud.clock.now(), alarm.name, action))
            verb = action.rsplit(":", 1)[-1]
            instance = next((dimension.value for dimension in alarm.dimensions if dimension.name == "InstanceId"), None)
            if ":ec2:" in action and instance:
                self._to_instance(verb, instance)

    def _to_instance(self, verb: str, instance_id: str) -> None:
        try:
            instance = self._cloud.instance(instance_id)
        except LookupError:
            return
        if verb == "stop" and instance.state == "running":
            self._cloud.ec2.stop(instance)
        elif verb == "terminate" and instance.state in ("running", "stopped"):
            self._cloud.ec2.terminate(instance)
        elif verb == "reboot" and instance.state == "running":
            self._cloud.ec2.reboot_instances([instance_id])

    def _evaluate(self, name: str) -> None:
        self._watched.discard(name)
        alarm = self.backend.alarms.get(name)
        if alarm is None or not alarm.period:
            return
        values = self._values(alarm)
        state, before = _verdict(alarm, values), alarm.state_value
        if state != before:
            alarm.update_state("Evaluated", "{}", state)
            self._cloud.front.changed()
            self.acts(alarm, before)
        if state != before or any(value is not None for value in values):
            self.watch(alarm)

    def _values(self, alarm: Alarm) -> list[float | None]:
        """One value for each of the last periods, newest first; None where no data came."""
        now = self._cloud.clock.now()
        periods: list[list[float]] = [[] for _ in range(int(alarm.evaluation_periods))]
        for datum in self.backend.metric_data:
            if datum.namespace != alarm.namespace or datum.name != alarm.metric_name:
                continue
            if {(d.name, d.value) for d in datum.dimensions} != {(d.name, d.value) for d in alarm.dimensions}:
                continue
            number = int((now - _naive(datum.timestamp).replace(tzinfo=UTC).timestamp() - 1e-6) // alarm.period)
            if 0 <= number < len(periods):
                periods[number].append(float(datum.value))
        return [_statistic(alarm.statistic, values) if values else None for values in periods]


def _verdict(alarm: Alarm, values: list[float | None]) -> str:
    """The state that these values mean; `missing` is AWS's word for alarms that say nothing about missing data."""
    missing = alarm.treat_missing_data or "missing"
    if all(value is None for value in values) and missing in ("missing", "ignore"):
        return "INSUFFICIENT_DATA" if missing == "missing" else str(alarm.state_value)
    compare = _COMPARE[alarm.comparison_operator]
    breaching = sum(missing == "breaching" if value is None else compare(value, float(alarm.threshold)) for value in values)
    return "ALARM" if breaching >= int(alarm.datapoints_to_alarm or alarm.evaluation_periods) else "OK"


def _statistic(statistic: str | None, values: list[float]) -> float:
    match statistic:
        case "Maximum":
            return max(values)
        case "Minimum":
            return min(values)
        case "Sum":
            return sum(values)
        case "SampleCount":
            return float(len(values))
    return sum(values) / len(values)


def _naive(moment: Any) -> datetime:
    if isinstance(moment, str):
        moment = datetime.fromisoformat(moment.replace("Z", "+00:00"))
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment

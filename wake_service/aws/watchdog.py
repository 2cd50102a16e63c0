"""One CloudWatch alarm per machine, which stops it when it reports no work for too long, or nothing at all.

It needs neither the service nor anything on the machine to be alive. What it listens to is fixed here:

    namespace `Wakebrush`, metric `busy`, one dimension `InstanceId`, once a minute

The machine's idle monitor reports 1 for a minute in which it had work, in which its lease or a hold covered it, or in which
it booted, and 0 for any other.
"""

from __future__ import annotations

import asyncio
import logging
import math

from wake_service.aws import tags
from wake_service.aws.clients import Aws
from wake_service.aws.errors import AwsNotFound
from wake_service.clock import within
from wake_service.errors import ProviderError

log = logging.getLogger(__name__)

NAMESPACE, METRIC, DIMENSION = "Wakebrush", "busy", "InstanceId"
PERIOD = 300
#: How long a machine may report no work before its alarm stops it, in seconds: at least so long, and longer than the idle
#: time by a quarter of an hour, in which the service and the machine's own monitor would have stopped it.
LEAST_WINDOW, BEYOND_IDLE = 2700.0, 900.0
#: CloudWatch does not look further back than a day.
_LONGEST_WINDOW = 86_400
#: How long a wake waits for its alarm, in seconds.
ARM_SECONDS = 10.0


def alarm_prefix(deployment: str) -> str:
    """What comes before a machine's id in the name of its alarm."""
    return f"{deployment}-idle-"


class Watchdog:
    """The alarms of one deployment's machines. `trouble` is a sentence while the last alarm could not be armed, else None."""

    def __init__(self, aws: Aws, deployment: str, *, idle_seconds: float = 1800.0) -> None:
        self._aws = aws
        self._deployment = deployment
        window = min(max(LEAST_WINDOW, idle_seconds + BEYOND_IDLE), _LONGEST_WINDOW)
        self.periods = math.ceil(window / PERIOD)
        self.trouble: str | None = None

    def alarm_name(self, machine_id: str) -> str:
        """What the machine's alarm is called."""
        return alarm_prefix(self._deployment) + machine_id

    async def ensure(self, machine_id: str) -> None:
        """Makes the alarm, or makes it what it should be; its state stays. Raises ProviderError."""
        partition = self._aws.client("cloudwatch").meta.partition
        minutes = self.periods * PERIOD // 60
        await self._aws.call(
            "cloudwatch",
            "put_metric_alarm",
            AlarmName=self.alarm_name(machine_id),
            AlarmDescription=f"Stops {machine_id} when it has reported no work for {minutes} min. In alarm while it sleeps.",
            Namespace=NAMESPACE,
            MetricName=METRIC,
            Dimensions=[{"Name": DIMENSION, "Value": machine_id}],
            Statistic="Maximum",
            Period=PERIOD,
            EvaluationPeriods=self.periods,
            DatapointsToAlarm=self.periods,
            Threshold=1.0,
            ComparisonOperator="LessThanThreshold",
            TreatMissingData="breaching",
            ActionsEnabled=True,
            AlarmActions=[f"arn:{partition}:automate:{self._aws.region}:ec2:stop"],
            Tags=tags.as_list({tags.DEPLOYMENT: self._deployment}),
        )

    async def arm(self, machine_id: str) -> None:
        """To be awaited before every start, whoever asks for it. Raises nothing, and takes `ARM_SECONDS` at most.

        An alarm acts when its state changes, and a sleeping machine's is in alarm, having heard nothing: left so it would
        never act again. It is set to OK, and given a first report of ours, without which it would find the silence of the
        night again at its next look, and stop the machine that wakes.
        """
        try:
            await within(self._aws.clock, ARM_SECONDS, self._arm(machine_id))
        except (ProviderError, TimeoutError) as error:
            why = str(error) or f"AWS did not answer within {ARM_SECONDS:g} s."
            self.trouble = f"The alarm that stops machine {machine_id} when it is forgotten could not be set: {why}"
            log.warning("%s The wake goes on; the reaper and the machine itself still watch.", self.trouble)
        else:
            self.trouble = None

    async def remove(self, machine_id: str) -> None:
        """Takes the alarm away, when the machine is; safe to repeat. Raises ProviderError."""
        try:
            await self._aws.call("cloudwatch", "delete_alarms", AlarmNames=[self.alarm_name(machine_id)])
        except AwsNotFound:
            log.debug("machine %s had no alarm", machine_id)

    async def _arm(self, machine_id: str) -> None:
        report = {
            "MetricName": METRIC,
            "Dimensions": [{"Name": DIMENSION, "Value": machine_id}],
            "Timestamp": self._aws.clock.now(),
            "Value": 1.0,
        }
        await asyncio.gather(
            self.ensure(machine_id),
            self._aws.call("cloudwatch", "put_metric_data", Namespace=NAMESPACE, MetricData=[report]),
        )
        await self._aws.call(
            "cloudwatch",
            "set_alarm_state",
            AlarmName=self.alarm_name(machine_id),
            StateValue="OK",
            StateReason="The machine is about to be started.",
        )

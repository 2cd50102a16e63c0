"""What machines that are gone have left behind in the account: their alarms and their guard tokens."""

from __future__ import annotations

import logging
import re
from collections.abc import Collection
from dataclasses import dataclass

from wake_service.aws import tags
from wake_service.aws.clients import Aws
from wake_service.aws.errors import AwsNotFound
from wake_service.aws.inventory import list_machines
from wake_service.aws.watchdog import alarm_prefix
from wake_service.errors import ProviderError

log = logging.getLogger(__name__)

#: How often is looked, in seconds. What is found twice in a row goes: a machine that was made a moment ago has a token before
#: AWS lists it.
EVERY = 21_600.0
_MACHINE = re.compile(r"i-[0-9a-f]+")


@dataclass(frozen=True, slots=True)
class Leftover:
    """An alarm (`cloudwatch`) or a token (`ssm`) by its name, and whose it was."""

    service: str
    name: str
    machine_id: str


def orphans(found: Collection[Leftover], machine_ids: Collection[str]) -> set[Leftover]:
    """Those whose machine is not there."""
    return {leftover for leftover in found if leftover.machine_id not in machine_ids}


class Leftovers:
    """Of one deployment. A machine that is seen to go takes its things with it; this is for those that nobody saw go, or whose
    things AWS did not want to delete just then."""

    def __init__(self, aws: Aws, deployment: str) -> None:
        self._aws = aws
        self._deployment = deployment
        self._suspected: set[Leftover] = set()

    async def run(self) -> None:
        """Looks and clears away, for ever."""
        while True:
            try:
                await self.clear()
            except ProviderError as error:
                log.warning("What machines that are gone have left behind could not be cleared away: %s", error)
            await self._aws.clock.sleep(EVERY)

    async def clear(self) -> list[Leftover]:
        """One look: takes away what the look before has found as well; what went. Raises ProviderError."""
        found = [*await self._alarms(), *await self._tokens()]
        machines = {thing.id for thing in await list_machines(self._aws, self._deployment)}
        alone = orphans(found, machines)
        going = sorted(alone & self._suspected, key=lambda leftover: (leftover.service, leftover.name))
        self._suspected = alone.difference(going)
        for leftover in going:
            await self._remove(leftover)
        if going:
            log.info("Cleared away what machines that are gone had left behind: %s", ", ".join(each.name for each in going))
        return going

    async def _alarms(self) -> list[Leftover]:
        prefix = alarm_prefix(self._deployment)
        pages = await self._aws.pages("cloudwatch", "describe_alarms", AlarmNamePrefix=prefix)
        return _of_machines("cloudwatch", prefix, [alarm["AlarmName"] for page in pages for alarm in page["MetricAlarms"]])

    async def _tokens(self) -> list[Leftover]:
        prefix = tags.guard_parameter(self._deployment, "")
        filters = [{"Key": "Name", "Option": "BeginsWith", "Values": [prefix]}]
        pages = await self._aws.pages("ssm", "describe_parameters", ParameterFilters=filters)
        return _of_machines("ssm", prefix, [parameter["Name"] for page in pages for parameter in page["Parameters"]])

    async def _remove(self, leftover: Leftover) -> None:
        try:
            if leftover.service == "ssm":
                await self._aws.call("ssm", "delete_parameter", Name=leftover.name)
            else:
                await self._aws.call("cloudwatch", "delete_alarms", AlarmNames=[leftover.name])
        except AwsNotFound:
            log.debug("%s was gone already", leftover.name)


def _of_machines(service: str, prefix: str, names: Collection[str]) -> list[Leftover]:
    """Only what is named after a machine is ours to take away: another deployment's name may begin as ours does."""
    found = [(name, name.removeprefix(prefix)) for name in names]
    return [Leftover(service, name, machine_id) for name, machine_id in found if _MACHINE.fullmatch(machine_id)]

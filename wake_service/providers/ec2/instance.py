"""One EC2 instance as `describe_instances` tells of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wake_service.aws import tags
from wake_service.providers.base import Power

_POWERS = {
    "pending": Power.STARTING,
    "running": Power.RUNNING,
    "stopping": Power.STOPPING,
    "stopped": Power.STOPPED,
    "shutting-down": Power.TERMINATED,
    "terminated": Power.TERMINATED,
}
#: AWS's reasons for an end that nobody here asked for, as sentences. The normal one is silent.
_ENDS = {
    "Server.SpotInstanceShutdown": "AWS took the spot machine back.",
    "Server.SpotInstanceTermination": "AWS took the spot machine back, and its disk with it.",
    "Server.InsufficientInstanceCapacity": "AWS had no machine of this kind after all, and stopped it again.",
    "Server.InternalError": "AWS stopped the machine because of a fault of its own.",
    "Server.ScheduledStop": "AWS stopped the machine for maintenance.",
    "Client.InstanceInitiatedShutdown": "The machine shut itself down.",
    "Client.VolumeLimitExceeded": "The account has no room for the machine's disk: its volume quota is used up.",
    "Client.InternalError": "The machine's disk could not be attached or decrypted.",
}
INTERRUPTED = frozenset({"Server.SpotInstanceShutdown", "Server.SpotInstanceTermination"})


@dataclass(frozen=True, slots=True)
class Instance:
    """A machine in AWS's words. Moments in epoch seconds.

    `word` was written on it at random before its present or last start. `home_type` is what it was before another type was
    tried. `reason` is AWS's code for the last change of state. `behind`: AWS accepted an order, but its list does not show
    the consequence yet.
    """

    id: str
    arn: str
    power: Power
    state: str
    pool: str
    instance_type: str
    zone: str
    spot: bool
    launched_at: float
    word: str
    address: str | None = None
    fingerprint: str | None = None
    reason: str | None = None
    home_type: str | None = None
    lease_until: float | None = None
    hold_until: float | None = None
    behind: bool = False

    @property
    def boot(self) -> str:
        """Names its present or last life. AWS tells a start by whole seconds only, and two may share one; some starts are
        nobody's, and have no word of their own."""
        return f"{self.launched_at:.0f}-{self.word}"

    @property
    def interrupted(self) -> bool:
        """Whether AWS has stopped it for its own use: then only AWS may start it again."""
        return self.power is Power.STOPPED and self.spot and self.reason in INTERRUPTED

    @property
    def end(self) -> str | None:
        """Why it is off, if nobody here asked for that."""
        return _ENDS.get(self.reason or "") if self.power in (Power.STOPPED, Power.TERMINATED) else None


def parse(described: Mapping[str, Any], owner: str, region: str, partition: str = "aws") -> Instance:
    """The instance in one item of `Reservations[].Instances[]`; `owner` is the reservation's account."""
    tagged = tags.as_dict(described.get("Tags"))
    id, state = described["InstanceId"], described["State"]["Name"]
    return Instance(
        id=id,
        arn=f"arn:{partition}:ec2:{region}:{owner}:instance/{id}",
        power=_POWERS[state],
        state=state,
        pool=tagged.get(tags.POOL, "default"),
        instance_type=described["InstanceType"],
        zone=described["Placement"]["AvailabilityZone"],
        spot=described.get("InstanceLifecycle") == "spot",
        launched_at=described["LaunchTime"].timestamp(),
        word=tagged.get(tags.BOOT, "0"),
        address=described.get("PublicIpAddress") or None,
        fingerprint=tagged.get(tags.FINGERPRINT),
        reason=(described.get("StateReason") or {}).get("Code"),
        home_type=tagged.get(tags.HOME_TYPE),
        lease_until=tags.read_moment(tagged.get(tags.LEASE_UNTIL)),
        hold_until=tags.read_moment(tagged.get(tags.HOLD_UNTIL)),
    )

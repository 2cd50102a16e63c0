"""How much of each kind of machine the cloud has left."""

from __future__ import annotations

from moto.ec2.exceptions import EC2ClientError

from tests.aws.cloud.faults import MESSAGES


class Capacity:
    """Everything is there until it is taken: by type, zone (None: all zones) and market (`on-demand`, `spot`; None: both)."""

    def __init__(self) -> None:
        self._taken: set[tuple[str, str | None, str | None]] = set()
        #: Pairs of type and zone where the type is not offered at all.
        self.not_offered: set[tuple[str, str]] = set()

    def take(self, instance_type: str, zone: str | None = None, market: str | None = None) -> None:
        """No machine of this kind can be started there from now on; those that run go on."""
        self._taken.add((instance_type, zone, market))

    def give_back(self, instance_type: str, zone: str | None = None, market: str | None = None) -> None:
        """Ends what the same words took."""
        self._taken.discard((instance_type, zone, market))

    def has(self, instance_type: str, zone: str, market: str) -> bool:
        """Whether one more could be started."""
        return not any((instance_type, place, kind) in self._taken for place in (zone, None) for kind in (market, None))

    def demand(self, instance_type: str, zone: str, market: str) -> None:
        """Raises AWS's error when there is none."""
        if (instance_type, zone) in self.not_offered:
            raise EC2ClientError(
                "Unsupported",
                f"Your requested instance type ({instance_type}) is not supported in your requested Availability Zone ({zone}).",
            )
        if not self.has(instance_type, zone, market):
            raise EC2ClientError("InsufficientInstanceCapacity", MESSAGES["InsufficientInstanceCapacity"])

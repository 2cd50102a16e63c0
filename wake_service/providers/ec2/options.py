"""What the provider of EC2 machines is told once, when it is built."""

from __future__ import annotations

from dataclasses import dataclass, field

from wake_service.aws import tags
from wake_service.providers.ec2.capacity import Plan


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Seconds. `stopping`: how long a start waits for a machine that still stops. `pending`: how long a stop waits for one that
    still starts. `dial`: one try to reach a guard. `order`: until an agent answers. `adopt`: how long a list of machines waits
    to hear of one that an earlier service left running. `follow`: between two looks at machines in transition. `late`: how
    long AWS's list may be behind an order that it accepted.
    """

    stopping: float = 60.0
    pending: float = 300.0
    dial: float = 5.0
    order: float = 5.0
    adopt: float = 5.0
    follow: float = 2.0
    late: float = 10.0
    address: float = 5.0
    probe: float = 10.0


@dataclass(frozen=True, slots=True)
class Ec2Options:
    """Which machines are ours, and how they are reached. `launch_template` and `security_group` are ids or names of AWS's."""

    deployment: str = "wakebrush"
    pool: str = "default"
    guard_port: int = 8443
    launch_template: str | None = None
    security_group: str | None = None
    data_device: str = "/dev/sdf"
    plan: Plan = field(default_factory=Plan)
    deadlines: Deadlines = field(default_factory=Deadlines)

    @property
    def template_name(self) -> str:
        """The launch template of new machines; by default the one that the stack names after the deployment."""
        return self.launch_template or self.deployment

    def parameter(self, machine_id: str) -> str:
        """The name of the parameter with a machine's guard token."""
        return tags.guard_parameter(self.deployment, machine_id)

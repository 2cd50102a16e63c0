"""What the provider of EC2 machines is told once, when it is built."""

from __future__ import annotations

from dataclasses import dataclass, field

from wake_service.aws import tags
from wake_service.aws.stack import Stack
from wake_service.providers.ec2.capacity import Plan
from wake_service.providers.ec2.capacity_file import load_plan
from wake_service.settings import Settings


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Seconds. `stopping`: how long a start waits for a machine that still stops. `pending`: how long a stop waits for one that
    still starts. `dial`: one try to reach a guard. `order`: until an agent answers; `hand_over`: one that ends its
    engine before. `adopt`: how long a list of machines waits
    to hear of one that an earlier service left running. `follow`: between two looks at machines in transition. `late`: how
    long AWS's list may be behind an order that it accepted. `probe`: a look behind a guard.
    """

    stopping: float = 60.0
    pending: float = 300.0
    dial: float = 5.0
    order: float = 5.0
    hand_over: float = 90.0
    adopt: float = 5.0
    follow: float = 2.0
    late: float = 10.0
    probe: float = 10.0


@dataclass(frozen=True, slots=True)
class Ec2Options:
    """Which machines are ours, and how they are reached. `launch_template` and `security_group` are ids or names of AWS's.
    `caller` names who opens the way to them: each has a rule of its own in the security group.
    """

    deployment: str = "wakebrush"
    pool: str = "default"
    guard_port: int = 8443
    launch_template: str | None = None
    security_group: str | None = None
    data_device: str = "/dev/sdf"
    caller: str = "the wake service"
    plan: Plan = field(default_factory=Plan)
    deadlines: Deadlines = field(default_factory=Deadlines)

    @property
    def template_name(self) -> str:
        """The launch template of new machines; by default the one that the stack names after the deployment."""
        return self.launch_template or self.deployment

    @classmethod
    def of(cls, settings: Settings, *, pool: str = "default", stack: Stack | None = None) -> Ec2Options:
        """What the settings say; what they leave open is the stack's. Raises SetupError when the capacity file cannot be used."""
        return cls(
            deployment=settings.aws_deployment,
            pool=pool,
            guard_port=settings.aws_guard_port,
            launch_template=settings.aws_launch_template or (stack.launch_template if stack else None),
            security_group=settings.aws_security_group or (stack.security_group if stack else None),
            plan=load_plan(settings.aws_capacity_file),
        )

    def parameter(self, machine_id: str) -> str:
        """The name of the parameter with a machine's guard token."""
        return tags.guard_parameter(self.deployment, machine_id)

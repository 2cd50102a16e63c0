"""An AWS account in memory, whole: what a test holds in its hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from botocore.exceptions import ReadTimeoutError
from moto.ec2.models.instances import Instance

from tests.aws.cloud.account import Account
from tests.aws.cloud.alarms import Alarms
from tests.aws.cloud.capacity import Capacity
from tests.aws.cloud.ec2 import Ec2
from tests.aws.cloud.faults import Call, Fault
from tests.aws.cloud.front import Front
from tests.aws.cloud.machines import Machines
from tests.aws.cloud.schedules import Schedules
from tests.aws.cloud.setting import Setting
from tests.aws.cloud.timeline import Timeline
from tests.aws.cloud.times import Times
from wake_service.agent.link import AgentLink
from wake_service.agent.memory import MemoryMachine
from wake_service.agent.wire import Notice, NoticeKind
from wake_service.aws.clients import Aws
from wake_service.clock import Clock
from wake_service.providers.base import Door

REGION = "us-east-1"
#: The service's public address until it moves (a documentation address).
ADDRESS = "198.51.100.7"


class Behind(Protocol):
    """What is behind the instances. It listens to `cloud.ec2` for what becomes of them."""

    def notify(self, instance_id: str, notice: Notice) -> None:
        """The cloud wants this one back; its metadata say so from now on."""

    def cut_off(self) -> None:
        """Every connection from outside breaks."""

    async def close(self) -> None:
        """Ends all machines."""


class Cloud:
    """One account in one region; the package says how it is used.

    `behind` makes what is behind the instances; by default machines in memory.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        region: str = REGION,
        times: Times | None = None,
        behind: Callable[[Cloud], Behind] | None = None,
    ) -> None:
        self.clock = clock
        self.region = region
        self.times = times or Times()
        self.address = ADDRESS
        self.timeline = Timeline(clock)
        self.account = Account(region)
        self.capacity = Capacity()
        self.front = Front(self.account, self.timeline)
        self.ec2 = Ec2(region, self.account.number, self.timeline, self.times, self.capacity, self.front.changed)
        self.account.replace("ec2", self.ec2)
        self.behind: Behind = (behind or Machines)(self)
        self.alarms = Alarms(self)
        self.schedules = Schedules(self)
        self.setting = Setting(self)

    # How it is called

    def aws(self, kind: type[Aws] = Aws) -> Aws:
        """The account as the service calls it (`kind`: a test's own). Calls are answered at once, on the event loop."""
        return kind(self.region, self.clock, run=self._run, session=self.front.session())

    @property
    def calls(self) -> list[Call]:
        """Every call so far."""
        return self.front.calls

    def asked(self, operation: str) -> list[Call]:
        """The calls of one operation by clients."""
        return [call for call in self.calls if call.operation == operation and call.by == "client"]

    # What goes wrong

    def fail(
        self,
        operation: str,
        code: str,
        *,
        times: int | None = 1,
        match: str = "",
        acted: bool = False,
        service: str = "*",
        message: str | None = None,
    ) -> Fault:
        """The next calls of an operation (a pattern) fail, in the order in which they were announced; see Fault."""
        fault = Fault(operation, code, times, match, acted, service, message)
        self.front.faults.append(fault)
        return fault

    def heal(self) -> None:
        """No call fails any more."""
        self.front.faults.clear()
        self.silent = False

    def deny(self, *patterns: str) -> None:
        """Calls that match (`ec2:StartInstances`, `ec2:*`) are refused for want of rights, dry runs included."""
        self.front.rights.denied.update(patterns)

    def allow(self, *patterns: str) -> None:
        """Ends what the same words denied."""
        self.front.rights.denied.difference_update(patterns)

    @property
    def silent(self) -> bool:
        """Whether the cloud gives no answer to anything."""
        return self.front.silent

    @silent.setter
    def silent(self, silent: bool) -> None:
        self.front.silent = silent

    @property
    def skew(self) -> float:
        """Seconds by which the cloud's own clock, as its answers show it, is ahead of the driven one."""
        return self.front.skew

    @skew.setter
    def skew(self, seconds: float) -> None:
        self.front.skew = seconds

    def take(self, instance_type: str, zone: str | None = None, market: str | None = None) -> None:
        """No machine of this kind is left there (zone None: anywhere)."""
        self.capacity.take(instance_type, zone, market)

    def give_back(self, instance_type: str, zone: str | None = None, market: str | None = None) -> None:
        """Ends what the same words took."""
        self.capacity.give_back(instance_type, zone, market)

    def stick(self, instance_id: str) -> None:
        """The instance will not come out of `stopping`, forced or not, until `unstick`."""
        self.ec2.life(instance_id).stuck = True

    def unstick(self, instance_id: str) -> None:
        """Ends `stick`; an instance that is stopping has stopped."""
        self.ec2.unstick(self.instance(instance_id))

    # What the cloud and people do unasked

    def interrupt(self, instance_id: str, notice: float | None = None) -> None:
        """The cloud takes a spot instance back: its machine hears so now, `notice` seconds (times.notice) before."""
        instance = self.instance(instance_id)
        if instance.state not in ("pending", "running"):
            raise AssertionError(f"{instance_id} is {instance.state}: the cloud takes back what runs")
        seconds = self.times.notice if notice is None else notice
        self.behind.notify(instance_id, Notice(kind=NoticeKind.INTERRUPTION, at=self.clock.now() + seconds))
        self.timeline.after(seconds, lambda: self.ec2.take_back(instance))

    def rebalance(self, instance_id: str) -> None:
        """The cloud hints that it may take a spot instance back."""
        self.behind.notify(instance_id, Notice(kind=NoticeKind.REBALANCE, at=self.clock.now()))

    def restart_interrupted(self, instance_id: str) -> None:
        """The cloud starts an instance again that it had interrupted; nobody asked."""
        instance = self.instance(instance_id)
        if not self.ec2.life(instance_id).interrupted or instance.state != "stopped":
            raise AssertionError(f"{instance_id} is {instance.state}: the cloud restarts what it has interrupted, once stopped")
        self.ec2.wake(instance)

    def start(self, instance_id: str) -> None:
        """Somebody starts it in the console."""
        self.ec2.start_instances([instance_id])

    def power_off(self, instance_id: str) -> None:
        """The machine shuts itself down."""
        instance = self.instance(instance_id)
        if instance.state == "running":
            terminates = instance.instance_initiated_shutdown_behavior == "terminate"
            self.ec2.terminate(instance) if terminates else self.ec2.stop(instance, by="Client.InstanceInitiatedShutdown")

    def terminate(self, instance_id: str) -> None:
        """Somebody deletes it in the console."""
        self.ec2.terminate_instances([instance_id])

    def move(self, address: str) -> None:
        """The service has another public address from now on; its connections to machines break."""
        self.address = address
        self.behind.cut_off()

    # What is there

    def instance(self, instance_id: str) -> Instance:
        """The instance as moto keeps it (`state`, `instance_type`, `public_ip`, `placement.zone`, ...). Raises LookupError."""
        return self.ec2.find(instance_id)

    def state(self, instance_id: str) -> str:
        """Its state now, `terminated` also when it has left the list."""
        try:
            return self.instance(instance_id).state
        except LookupError:
            return "terminated"

    def tags(self, instance_id: str) -> dict[str, str]:
        """Its tags as they are now."""
        return dict(self.ec2.tags.get(instance_id, {}))

    def arn(self, instance_id: str) -> str:
        """Its ARN."""
        return f"arn:aws:ec2:{self.region}:{self.account.number}:instance/{instance_id}"

    def in_state(self, *states: str) -> list[str]:
        """Ids of all instances in one of these states, from the cloud's own list."""
        return [instance.id for instance in self.ec2.every() if instance.state in states]

    def running(self) -> list[str]:
        """Ids of all instances that cost money for running: `pending` and `running`."""
        return self.in_state("pending", "running")

    def listen(self, listener: Callable[[str, str, bool], None]) -> None:
        """`listener(instance_id, state, forced)` is told of each state at the moment it begins (and of `rebooting`)."""
        self.ec2.listeners.append(listener)

    @property
    def machines(self) -> Machines:
        """The machines in memory, where the instances have such."""
        assert isinstance(self.behind, Machines)
        return self.behind

    def machine(self, instance_id: str) -> MemoryMachine:
        """The machine in memory behind an instance."""
        return self.machines.of(instance_id)

    async def dial(self, door: Door) -> AgentLink:
        """Reaches the machine behind a door as the service would; see Machines.dial."""
        return await self.machines.dial(door)

    async def find_address(self) -> str:
        """The service's public address at present."""
        return self.address

    def client(self, service: str) -> Any:
        """A boto3 client for what a test prepares or looks at: never refused, never written down."""
        return self.setting.client(service)

    def launch_template(self, name: str = "wakebrush", **wishes: Any) -> str:
        """A launch template as our stack makes it; its id. See Setting.launch_template."""
        return self.setting.launch_template(name, **wishes)

    def add_machine(self, **wishes: Any) -> str:
        """A machine that was created and stopped long ago; its instance id. See Setting.add_machine."""
        return self.setting.add_machine(**wishes)

    async def close(self) -> None:
        """Ends everything and forgets the account."""
        await self.behind.close()
        self.account.close()
        self.timeline.close()

    async def _run(self, work: Callable[[], Any]) -> Any:
        if self.times.answer:
            await self.clock.sleep(self.times.answer)
        try:
            return work()
        except ReadTimeoutError:
            if self.times.timeout:
                await self.clock.sleep(self.times.timeout)
            raise

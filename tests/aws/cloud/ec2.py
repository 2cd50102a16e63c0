"""EC2 whose states take time, and which says no where AWS does."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from moto.ec2.exceptions import EC2ClientError, InvalidParameterCombination
from moto.ec2.models import EC2Backend
from moto.ec2.models.instances import Instance, InstanceState, Reservation, StateReason

from tests.aws.cloud.capacity import Capacity
from tests.aws.cloud.launch import Launch, fill_from_template
from tests.aws.cloud.spot import SpotRequests
from tests.aws.cloud.timeline import Timeline
from tests.aws.cloud.times import Times

CODES = {"pending": 0, "running": 16, "shutting-down": 32, "terminated": 48, "stopping": 64, "stopped": 80}
#: Attributes that can be changed while an instance is stopped only.
_NEED_A_STOP = {"instance_type", "user_data", "kernel", "ramdisk", "ebs_optimized"}
_NEVER_STARTED_FROM = {"stopping", "shutting-down", "terminated"}
_NEVER_STOPPED_FROM = {"pending", "shutting-down", "terminated"}

#: Is told of each state of each instance, at the moment it begins: `(instance_id, state, forced)`.
Listener = Callable[[str, str, bool], None]
#: Is told of each image that is made of an instance, before anybody sees it: `(instance_id, image_id)`.
ImageListener = Callable[[str, str], None]


@dataclass(slots=True)
class Life:
    """What the cloud knows of an instance besides what it shows. `step` counts its transitions: what was planned for an
    earlier one is void. `held` is how a stuck one is stuck: `stopping` as AWS sometimes does it, forced or not."""

    step: int = 0
    stuck: bool = False
    interrupted: bool = False


class Ec2(EC2Backend):
    """moto's EC2 on a timeline."""

    def __init__(
        self, region_name: str, account_id: str, timeline: Timeline, times: Times, capacity: Capacity, changed: Callable[[], None]
    ) -> None:
        self.timeline = timeline
        self.times = times
        self.capacity = capacity
        self.lives: dict[str, Life] = {}
        self.listeners: list[Listener] = []
        self.image_listeners: list[ImageListener] = []
        self.changed = changed
        self.asked_market: dict[str, Any] = {}
        self.asked_force = False
        self._hidden: set[str] = set()
        self._launched: dict[str, tuple[str, Reservation]] = {}
        super().__init__(region_name, account_id)
        self.spot = SpotRequests(self)

    def _load_amis(self) -> None:
        """Only images that somebody made here exist."""

    def _create_default_encryption_key(self) -> str:
        """Encryption is a word here: moto would make a key pair for it, which takes longer than all the rest."""
        return f"arn:aws:kms:{self.region_name}:{self.account_id}:key/00000000-0000-4000-8000-000000000000"

    def find(self, instance_id: str) -> Instance:
        """The instance, visible or not. Raises LookupError."""
        for reservation in self.reservations.values():
            for instance in reservation.instances:
                if instance.id == instance_id:
                    return instance
        raise LookupError(f"There is no instance {instance_id} in the cloud.")

    def every(self) -> list[Instance]:
        """All instances, visible or not."""
        return [instance for reservation in self.reservations.values() for instance in reservation.instances]

    def life(self, instance_id: str) -> Life:
        """What is known of it besides."""
        return self.lives.setdefault(instance_id, Life())

    # What clients ask

    def all_reservations(self, filters: Any = None) -> list[Reservation]:
        found: list[Reservation] = super().all_reservations(filters)
        for reservation in found:
            reservation.instances = [instance for instance in reservation.instances if instance.id not in self._hidden]
        return [reservation for reservation in found if reservation.instances]

    def run_instances(
        self, image_id: str, count: int, user_data: Any, security_group_names: list[str], **kwargs: Any
    ) -> Reservation:
        token = kwargs.get("client_token") or ""
        intent = repr((image_id, count, sorted((key, repr(value)) for key, value in kwargs.items())))
        if token in self._launched and token != "ABCDE":
            asked, reservation = self._launched[token]
            if asked != intent:
                raise EC2ClientError("IdempotentParameterMismatch", "The client token was used for another request.")
            return reservation
        market, self.asked_market = self.asked_market, {}
        launch = fill_from_template(self, image_id, user_data, market, kwargs)
        kind = "spot" if launch.spot else "on-demand"
        self.capacity.demand(launch.instance_type, launch.zone, kind)
        reservation = super().run_instances(launch.image_id, count, launch.user_data, security_group_names, **launch.arguments)
        for instance in reservation.instances:
            launch.finish(self, instance)
            if launch.spot:
                self.spot.open(instance, launch)
            self._wake(instance)
        self._launched[token] = (intent, reservation)
        return reservation

    def hide(self, instances: list[Instance]) -> None:
        """AWS does not know them yet, for a while."""
        if self.times.visible > 0:
            fresh = {instance.id for instance in instances}
            self._hidden |= fresh
            self.timeline.after(self.times.visible, lambda: self._show(fresh))

    def start_instances(self, instance_ids: list[str]) -> list[tuple[Instance, InstanceState]]:
        instances = self.get_multi_instances_by_id(instance_ids)
        for instance in instances:
            if instance.state in _NEVER_STARTED_FROM:
                raise _wrong_state(instance, "started")
            if instance.state == "stopped":
                if instance.root_device_name not in instance.block_device_mapping:
                    raise EC2ClientError(
                        "IncorrectInstanceState",
                        f"Instance '{instance.id}' does not have a volume attached at root ({instance.root_device_name})",
                    )
                self.spot.check_start(instance)
                self.capacity.demand(instance.instance_type, instance.placement.zone or "", market_of(instance))
        before = [(instance, copy.copy(instance._state)) for instance in instances]
        for instance in instances:
            if instance.state == "stopped":
                self.wake(instance)
        return before

    def stop_instances(self, instance_ids: list[str]) -> list[tuple[Instance, InstanceState]]:
        force, self.asked_force = self.asked_force, False
        instances = self.get_multi_instances_by_id(instance_ids)
        for instance in instances:
            if instance.state in _NEVER_STOPPED_FROM:
                raise _wrong_state(instance, "stopped")
            if instance.disable_api_stop is True:
                raise EC2ClientError("OperationNotPermitted", f"The instance '{instance.id}' may not be stopped.")
            self.spot.check_stop(instance)
        before = [(instance, copy.copy(instance._state)) for instance in instances]
        for instance in instances:
            if instance.state == "running" or (force and instance.state == "stopping"):
                self.stop(instance, force=force)
        return before

    def terminate_instances(self, instance_ids: list[str]) -> list[tuple[Instance, InstanceState]]:
        if not instance_ids:
            raise InvalidParameterCombination("No instances specified")
        instances = self.get_multi_instances_by_id(instance_ids)
        for instance in instances:
            if instance.disable_api_termination is True:
                raise EC2ClientError("OperationNotPermitted", f"The instance '{instance.id}' may not be terminated.")
        before = [(instance, copy.copy(instance._state)) for instance in instances]
        for instance in instances:
            if instance.state not in ("shutting-down", "terminated"):
                self.terminate(instance)
        return before

    def create_image(self, instance_id: str, *args: Any, **kwargs: Any) -> Any:
        image = super().create_image(instance_id, *args, **kwargs)
        for listener in self.image_listeners:
            listener(instance_id, image.id)
        return image

    def reboot_instances(self, instance_ids: list[str]) -> list[Instance]:
        instances: list[Instance] = self.get_multi_instances_by_id(instance_ids)
        for instance in instances:
            if instance.state != "running":
                raise _wrong_state(instance, "rebooted")
        for instance in instances:
            self._tell(instance, "rebooting", False)
        return instances

    def modify_instance_attribute(self, instance_id: str, key: str, value: Any) -> Instance:
        instance = self.get_instance(instance_id)
        if key in _NEED_A_STOP and instance.state != "stopped":
            raise EC2ClientError("IncorrectInstanceState", f"The instance '{instance_id}' is not in the 'stopped' state.")
        if key == "instance_type" and market_of(instance) == "spot":
            raise EC2ClientError("UnsupportedOperation", "The instance type of a Spot Instance cannot be modified.")
        return super().modify_instance_attribute(instance_id, key, value)

    def detach_volume(self, volume_id: str, instance_id: str, device_path: str) -> Any:
        instance = self.get_instance(instance_id)
        root = instance.block_device_mapping.get(instance.root_device_name)
        if root is not None and root.volume_id == volume_id and instance.state in ("pending", "running", "stopping"):
            raise EC2ClientError(
                "OperationNotPermitted", f"Unable to detach root volume '{volume_id}' from instance '{instance_id}'"
            )
        return super().detach_volume(volume_id, instance_id, device_path)

    def create_tags(self, resource_ids: list[str], tags: dict[str, str]) -> bool:
        return self._later(lambda: super(Ec2, self).create_tags(resource_ids, tags))

    def delete_tags(self, resource_ids: list[str], tags: dict[str, str]) -> bool:
        return self._later(lambda: super(Ec2, self).delete_tags(resource_ids, tags))

    def cancel_spot_instance_requests(self, request_ids: list[str]) -> list[Any]:
        return self.spot.cancel(request_ids)

    # What happens

    def wake(self, instance: Instance) -> None:
        """A stopped instance starts."""
        instance.launch_time = self._now()
        self.life(instance.id).interrupted = False
        self.spot.woke(instance)
        self._wake(instance)

    def stop(self, instance: Instance, *, force: bool = False, by: str = "Client.UserInitiatedShutdown") -> None:
        """A running instance stops, or one that is stopping is hurried."""
        instance.state_reason = StateReason(f"{by}: {by}", by)
        instance._reason = f"{by.removeprefix('Client.').removeprefix('Server.')} ({self._now():%Y-%m-%d %H:%M:%S} UTC)"
        if by.startswith("Client."):
            self.spot.stopped_by_us(instance)
        step = self._enter(instance, "stopping", force)
        self._then(instance, step, self.times.forced_stopping if force else self.times.stopping, self._stopped)

    def terminate(self, instance: Instance) -> None:
        """An instance is deleted."""
        step = self._enter(instance, "shutting-down", True)
        self._then(instance, step, self.times.shutting_down, self._terminated)

    def take_back(self, instance: Instance) -> None:
        """The cloud takes a spot instance back, as its request says; if its owner stopped it after the notice, as it is."""
        if instance.state in ("shutting-down", "terminated"):
            return
        request = self.spot.of(instance)
        self.spot.interrupted(instance)
        if instance.state in ("pending", "running"):
            if request is not None and request.instance_interruption_behaviour == "stop":
                self.stop(instance, by="Server.SpotInstanceShutdown")
            else:
                self.terminate(instance)

    def launch_again(self, launch: Launch) -> Instance:
        """One more of what was launched before, as a persistent spot request asks for."""
        reservation = super().run_instances(launch.image_id, 1, launch.user_data, [], **launch.once_more())
        fresh: Instance = reservation.instances[0]
        launch.finish(self, fresh)
        self._wake(fresh)
        return fresh

    def unstick(self, instance: Instance) -> None:
        """A stuck instance comes to the end of what it does."""
        life = self.life(instance.id)
        if life.stuck:
            life.stuck = False
            if instance.state == "stopping":
                self._stopped(instance)

    def _wake(self, instance: Instance) -> None:
        for nic in instance.nics.values():
            if nic.public_ip_auto_assign:
                nic.public_ip = None
        instance._reason, instance.state_reason = "", StateReason()
        step = self._enter(instance, "pending", False)
        self._then(instance, step, self.times.pending, self._runs)

    def _runs(self, instance: Instance) -> None:
        for nic in instance.nics.values():
            nic.start()
        self._enter(instance, "running", False)

    def _stopped(self, instance: Instance) -> None:
        for nic in instance.nics.values():
            nic.stop()
        self._enter(instance, "stopped", False)

    def _terminated(self, instance: Instance) -> None:
        instance.terminate()
        step = self._enter(instance, "terminated", False)
        self._then(instance, step, self.times.forgotten, self._forget)
        self.spot.terminated(instance)

    def _forget(self, instance: Instance) -> None:
        for reservation in list(self.reservations.values()):
            if instance in reservation.instances:
                reservation.instances.remove(instance)
                if not reservation.instances:
                    del self.reservations[reservation.id]
        self.lives.pop(instance.id, None)
        self.changed()

    def _then(self, instance: Instance, step: int, seconds: float, happen: Callable[[Instance], None]) -> None:
        def due() -> None:
            life = self.life(instance.id)
            if life.step == step and not (life.stuck and instance.state == "stopping"):
                happen(instance)

        if seconds > 0:
            self.timeline.after(seconds, due)
        else:
            due()

    def _enter(self, instance: Instance, state: str, forced: bool) -> int:
        instance._state.name, instance._state.code = state, CODES[state]
        life = self.life(instance.id)
        life.step += 1
        step = life.step
        self._tell(instance, state, forced)
        return step

    def _tell(self, instance: Instance, state: str, forced: bool) -> None:
        self.changed()
        for listener in list(self.listeners):
            listener(instance.id, state, forced)

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self.timeline.clock.now(), UTC).replace(tzinfo=None)

    def _show(self, instance_ids: set[str]) -> None:
        self._hidden -= instance_ids
        self.changed()

    def _later(self, change: Callable[[], Any]) -> bool:
        if self.times.tags > 0:
            self.timeline.after(self.times.tags, lambda: self._changed(change))
        else:
            change()
        return True

    def _changed(self, change: Callable[[], Any]) -> None:
        change()
        self.changed()


def market_of(instance: Instance) -> str:
    """`spot` or `on-demand`."""
    return "spot" if instance.lifecycle == "spot" else "on-demand"


def _wrong_state(instance: Instance, verb: str) -> EC2ClientError:
    return EC2ClientError(
        "IncorrectInstanceState", f"The instance '{instance.id}' is not in a state from which it can be {verb}."
    )

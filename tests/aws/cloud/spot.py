"""Spot requests: who may start and stop a spot instance, and what its request says meanwhile."""

from __future__ import annotations

from typing import Any

from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models.instances import Instance
from moto.ec2.models.spot_requests import SpotInstanceRequest
from moto.ec2.utils import random_spot_request_id

from tests.aws.cloud.launch import Launch

_RELAUNCH_SECONDS = 30.0


class SpotRequest(SpotInstanceRequest):
    """A request for an instance that is there already. `launch` is what a persistent one asks for again."""

    def __init__(self, backend: Any, instance: Instance, launch: Launch) -> None:
        self._given = instance
        self.launch = launch
        options = launch.spot or {}
        super().__init__(
            backend,
            random_spot_request_id(),
            str(options.get("MaxPrice") or ""),
            instance.image_id,
            options.get("SpotInstanceType") or "one-time",
            None,
            None,
            None,
            None,
            instance.key_name or "",
            [],
            instance.user_data,
            instance.instance_type,
            instance.placement.zone,
            None,
            None,
            False,
            instance.subnet_id or "",
            {},
            None,
            options.get("InstanceInterruptionBehavior"),
        )

    def launch_instance(self) -> Instance:
        return self._given

    def say(self, state: str, code: str) -> None:
        """The request is in this state from now on, for this reason."""
        self.state, self._status_code = state, code


class SpotRequests:
    """The spot side of EC2."""

    def __init__(self, backend: Any) -> None:
        self._backend = backend

    def open(self, instance: Instance, launch: Launch) -> None:
        """A spot instance was launched."""
        request = SpotRequest(self._backend, instance, launch)
        self._backend.spot_instance_requests[request.id] = request
        instance.lifecycle = "spot"
        instance.spot_instance_request_id = request.id

    def of(self, instance: Instance) -> SpotRequest | None:
        """The request of a spot instance; None for others."""
        found: SpotRequest | None = self._backend.spot_instance_requests.get(getattr(instance, "spot_instance_request_id", None))
        return found

    def check_start(self, instance: Instance) -> None:
        """Raises AWS's error when a stopped instance may not be started by its owner."""
        request = self.of(instance)
        if request is not None and (self._backend.life(instance.id).interrupted or request.state != "disabled"):
            raise EC2ClientError(
                "IncorrectSpotRequestState",
                f"You can't start the Spot Instance '{instance.id}' because the associated Spot Instance request is not in an "
                "appropriate state to support start.",
            )

    def check_stop(self, instance: Instance) -> None:
        """Raises AWS's error when a running instance may not be stopped by its owner."""
        request = self.of(instance)
        if request is not None and (request.type != "persistent" or request.state == "cancelled"):
            raise EC2ClientError(
                "UnsupportedOperation",
                f"You can't stop the Spot Instance '{instance.id}' because it is not associated with an active persistent Spot "
                "Instance request.",
            )

    def woke(self, instance: Instance) -> None:
        """It was started again."""
        if request := self.of(instance):
            request.say("active", "fulfilled")

    def stopped_by_us(self, instance: Instance) -> None:
        """Its owner stops it."""
        request = self.of(instance)
        if request is not None and request.state == "active":
            request.say("disabled", "instance-stopped-by-user")

    def interrupted(self, instance: Instance) -> None:
        """The cloud takes it back."""
        self._backend.life(instance.id).interrupted = True
        if request := self.of(instance):
            request.say("open", "instance-stopped-no-capacity")

    def terminated(self, instance: Instance) -> None:
        """It is gone; a persistent request that nobody cancelled asks for another one."""
        request = self.of(instance)
        if request is None:
            return
        if request.type == "persistent" and request.state != "cancelled":
            request.say("open", "instance-terminated-by-user")
            self._backend.timeline.after(_RELAUNCH_SECONDS, lambda: self._again(request))
        elif request.state != "cancelled":
            request.say("closed", "instance-terminated-by-user")

    def cancel(self, request_ids: list[str]) -> list[SpotRequest]:
        """Its owner wants no more of it; the instance stays as it is."""
        known = self._backend.spot_instance_requests
        missing = [request_id for request_id in request_ids if request_id not in known]
        if missing:
            raise EC2ClientError(
                "InvalidSpotInstanceRequestID.NotFound", f"The spot instance request ID '{missing[0]}' does not exist"
            )
        for request_id in request_ids:
            running = known[request_id].instance.state == "running"
            known[request_id].say(
                "cancelled", "request-canceled-and-instance-running" if running else "canceled-before-fulfillment"
            )
        return [known[request_id] for request_id in request_ids]

    def _again(self, request: SpotRequest) -> None:
        """moto's part of a launch, once more, for a request that is open still."""
        launch = request.launch
        if request.state != "open" or not self._backend.capacity.has(launch.instance_type, launch.zone, "spot"):
            return
        fresh = self._backend.launch_again(launch)
        request.instance = fresh
        fresh.lifecycle, fresh.spot_instance_request_id = "spot", request.id
        request.say("active", "fulfilled")

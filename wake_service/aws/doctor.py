"""Looks at an account as the service will use it: credentials, stack, image, quota, network, rights, machines."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from wake_service.aws import findings, tags
from wake_service.aws.clients import Answer, Aws
from wake_service.aws.errors import AwsDenied, AwsError, AwsNotFound, NoCredentials
from wake_service.aws.findings import Finding
from wake_service.aws.stack import Stack, find_stack
from wake_service.errors import WakebrushError

#: Where IAM's names of services are not those of boto3.
_PREFIXES = {"efs": "elasticfilesystem", "service-quotas": "servicequotas"}
#: An address of nobody (RFC 5737), for trying the right to open the way.
_NOBODY = "192.0.2.1/32"
_OBJECT = "doctor/trial"
#: How AWS says that it would have done it; and that there is nothing to act on, because the trial before was refused.
_AS_GOOD_AS_DONE = frozenset({"DryRunOperation", "InvalidResourceId"})


class _Denied(WakebrushError):
    """A right is missing; its name in IAM."""


class Doctor:
    """One examination. A check that fails does not keep the next one from being made."""

    def __init__(self, aws: Aws, deployment: str, guard_port: int) -> None:
        self._aws = aws
        self._deployment = deployment
        self._guard_port = guard_port
        self._stack: Stack | None = None
        self._template: Answer = {}
        self._machines: dict[str, str] = {}

    async def examine(self) -> list[Finding]:
        """All findings, in the order in which an admin mends them. Raises nothing that AWS answers."""
        checks: tuple[tuple[str, Callable[[], Awaitable[list[Finding]]]], ...] = (
            ("credentials", self._credentials),
            ("stack", self._find_stack),
            ("image", self._plan),
            ("image", self._image),
            ("quota", self._quota),
            ("network", self._zones),
            ("network", self._group),
            ("network", self._ways_out),
            ("machines", self._list_machines),
            ("rights", self._rights),
            ("rights", self._alarms),
        )
        return [finding for subject, check in checks for finding in await self._guarded(subject, check)]

    async def _guarded(self, subject: str, check: Callable[[], Awaitable[list[Finding]]]) -> list[Finding]:
        try:
            return await check()
        except _Denied as refused:
            return [findings.denied(subject, str(refused))]
        except NoCredentials as error:
            return [Finding(subject, False, str(error))] if subject == "credentials" else []
        except WakebrushError as error:
            return [Finding(subject, False, f"This could not be checked: {error}")]

    async def _call(self, service: str, operation: str, **arguments: Any) -> Answer:
        try:
            return await self._aws.call(service, operation, **arguments)
        except AwsDenied as error:
            raise _Denied(right(service, operation)) from error

    async def _credentials(self) -> list[Finding]:
        answer = await self._call("sts", "get_caller_identity")
        return [Finding("credentials", True, f"AWS is called as {answer['Arn']}, in {self._aws.region}.")]

    async def _find_stack(self) -> list[Finding]:
        try:
            self._stack = await find_stack(self._aws, self._deployment)
        except AwsDenied as error:
            raise _Denied("cloudformation:DescribeStacks") from error
        return [findings.judge_stack(self._deployment, self._aws.region, self._stack)]

    async def _plan(self) -> list[Finding]:
        if self._stack is None:
            return []
        answer = await self._call(
            "ec2", "describe_launch_template_versions", LaunchTemplateId=self._stack.launch_template, Versions=["$Latest"]
        )
        self._template = answer["LaunchTemplateVersions"][0]["LaunchTemplateData"]
        return findings.judge_template(self._template)

    async def _image(self) -> list[Finding]:
        image = self._template.get("ImageId")
        if not image:
            return []
        try:
            answer = await self._call("ec2", "describe_images", ImageIds=[image])
        except AwsNotFound:
            answer = {"Images": []}
        return [findings.judge_image(image, answer["Images"])]

    async def _quota(self) -> list[Finding]:
        kind = self._template.get("InstanceType")
        known = findings.QUOTAS.get((kind or "-")[0])
        if kind is None or known is None:
            return []
        described = await self._call("ec2", "describe_instance_types", InstanceTypes=[kind])
        vcpus = described["InstanceTypes"][0]["VCpuInfo"]["DefaultVCpus"]
        code, name = known
        answer = await self._call("service-quotas", "get_service_quota", ServiceCode="ec2", QuotaCode=code)
        return [findings.judge_quota(kind, vcpus, answer["Quota"]["Value"], name)]

    async def _zones(self) -> list[Finding]:
        kind = self._template.get("InstanceType")
        if self._stack is None or kind is None:
            return []
        subnets = await self._call("ec2", "describe_subnets", SubnetIds=list(self._stack.subnets))
        offers = await self._call(
            "ec2",
            "describe_instance_type_offerings",
            LocationType="availability-zone",
            Filters=[{"Name": "instance-type", "Values": [kind]}],
        )
        offered = {offer["Location"] for offer in offers["InstanceTypeOfferings"]}
        return [findings.judge_zones(kind, offered, {subnet["AvailabilityZone"] for subnet in subnets["Subnets"]})]

    async def _group(self) -> list[Finding]:
        if self._stack is None:
            return []
        group = self._stack.security_group
        answer = await self._call("ec2", "describe_security_groups", Filters=[{"Name": "group-id", "Values": [group]}])
        found = [findings.judge_group(group, answer["SecurityGroups"])]
        if self._stack.guard_port != self._guard_port:
            found.append(
                Finding(
                    "network",
                    False,
                    f"The guards listen on port {self._stack.guard_port}, and the service is told {self._guard_port}: it reaches "
                    f"none of them. Set aws_guard_port = {self._stack.guard_port} in wakebrush.toml.",
                )
            )
        return found

    async def _ways_out(self) -> list[Finding]:
        if self._stack is None:
            return []
        subnets = list(self._stack.subnets)
        answer = await self._call("ec2", "describe_route_tables", Filters=[{"Name": "association.subnet-id", "Values": subnets}])
        return findings.judge_ways_out(subnets, answer["RouteTables"])

    async def _list_machines(self) -> list[Finding]:
        answer = await self._call(
            "ec2", "describe_instances", Filters=[{"Name": f"tag:{tags.DEPLOYMENT}", "Values": [self._deployment]}]
        )
        painters = [
            machine
            for entry in answer["Reservations"]
            for machine in entry["Instances"]
            if machine["State"]["Name"] not in ("shutting-down", "terminated") and tags.POOL in tags.as_dict(machine.get("Tags"))
        ]
        self._machines = {
            machine["InstanceId"]: machine["State"]["Name"]
            for machine in painters
            if tags.as_dict(machine["Tags"])[tags.POOL] != tags.CANARY_POOL
        }
        return [findings.judge_machines(self._machines), *findings.judge_rollout(painters)]

    async def _alarms(self) -> list[Finding]:
        await self._call("cloudwatch", "describe_alarms", AlarmNamePrefix=f"{self._deployment}-")
        return []

    async def _rights(self) -> list[Finding]:
        """Each right by itself: one that is missing hides none of the others."""
        trials = [*self._machine_trials(), *self._stack_trials(), *self._token_trials()]
        missing = [finding for trial in trials if (finding := await self._try(*trial)) is not None]
        if missing or not trials:
            return missing
        return [Finding("rights", True, f"{len(trials)} rights were tried, and all of them are there.")]

    async def _try(self, service: str, operation: str, arguments: dict[str, Any]) -> Finding | None:
        try:
            await self._aws.call(service, operation, **arguments)
        except AwsDenied:
            return findings.denied("rights", right(service, operation))
        except AwsNotFound:
            return None
        except AwsError as error:
            if error.code not in _AS_GOOD_AS_DONE:
                return Finding("rights", False, f"{right(service, operation)} could not be tried: {error}")
        return None

    def _machine_trials(self) -> list[tuple[str, str, dict[str, Any]]]:
        machine = next(iter(self._machines), None)
        if machine is None:
            return []
        one: dict[str, Any] = {"InstanceIds": [machine], "DryRun": True}
        return [
            ("ec2", "start_instances", one),
            ("ec2", "stop_instances", one),
            ("ec2", "terminate_instances", one),
            ("ec2", "modify_instance_attribute", {"InstanceId": machine, "InstanceType": {"Value": "g5.xlarge"}, "DryRun": True}),
            ("ec2", "create_tags", {"Resources": [machine], "Tags": tags.as_list({tags.LEASE_UNTIL: "-"}), "DryRun": True}),
        ]

    def _stack_trials(self) -> list[tuple[str, str, dict[str, Any]]]:
        if self._stack is None:
            return []
        rule = {"IpProtocol": "tcp", "FromPort": self._guard_port, "ToPort": self._guard_port, "IpRanges": [{"CidrIp": _NOBODY}]}
        way: dict[str, Any] = {"GroupId": self._stack.security_group, "IpPermissions": [rule], "DryRun": True}
        tagged = tags.as_list({tags.DEPLOYMENT: self._deployment, tags.POOL: "default"})
        run = {
            "LaunchTemplate": {"LaunchTemplateId": self._stack.launch_template, "Version": "$Latest"},
            "SubnetId": self._stack.subnets[0],
            "TagSpecifications": [{"ResourceType": kind, "Tags": tagged} for kind in ("instance", "volume")],
            "MinCount": 1,
            "MaxCount": 1,
            "DryRun": True,
        }
        stored = {"Bucket": self._stack.bucket, "Key": _OBJECT}
        return [
            *([("ec2", "run_instances", run)] if self._template.get("ImageId") else []),
            ("ec2", "authorize_security_group_ingress", way),
            ("ec2", "revoke_security_group_ingress", way),
            ("s3", "put_object", {**stored, "Body": b"wakebrush"}),
            ("s3", "get_object", stored),
            ("s3", "delete_object", stored),
        ]

    def _token_trials(self) -> list[tuple[str, str, dict[str, Any]]]:
        """SSM knows no dry run: a parameter of nobody's is written, tagged, read and deleted."""
        name = tags.guard_parameter(self._deployment, "doctor")
        tag = {"ResourceType": "Parameter", "ResourceId": name, "Tags": tags.as_list({tags.DEPLOYMENT: self._deployment})}
        return [
            ("ssm", "put_parameter", {"Name": name, "Value": "-", "Type": "SecureString", "Overwrite": True}),
            ("ssm", "add_tags_to_resource", tag),
            ("ssm", "get_parameter", {"Name": name, "WithDecryption": True}),
            ("ssm", "delete_parameter", {"Name": name}),
        ]


def right(service: str, operation: str) -> str:
    """The name in IAM of what an operation needs: `ec2:StartInstances`."""
    return f"{_PREFIXES.get(service, service)}:{''.join(part.capitalize() for part in operation.split('_'))}"

"""A deployment with machines that sleep, images for them, and an admin who rolls."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import asynccontextmanager
from functools import cache
from typing import Any, TypeVar
from urllib.parse import urlsplit

from PIL import Image as Picture

from tests.aws.cloud import GUARD_PORT, STUDIO, Cloud
from tests.aws.formation import teach_moto_to_update
from wake_service.agent.wire import Stop
from wake_service.aws import tags
from wake_service.aws.clients import Answer, Aws
from wake_service.aws.stack import Stack, find_stack
from wake_service.clock import ManualClock
from wake_service.comfy.events import ImageRef
from wake_service.comfy.reports import HistoryEntry, Outcome, SystemStats
from wake_service.errors import EngineFailed
from wake_service.images.disks import Sleeper, list_sleepers
from wake_service.images.painting import Engine
from wake_service.images.rollout import Rollout
from wake_service.images.trial import Reach, Trials
from wake_service.practice_engine.catalogue import Catalogue
from wake_service.providers.base import Door
from wake_service.providers.ec2.options import Ec2Options

T = TypeVar("T")
POOL = "default"
#: A stack of no more than what an image has to do with, so that hundreds of accounts can be made.
SMALL = """
Parameters: {ImageId: {Type: String}, ModelsGiB: {Type: Number, Default: 80}}
Resources:
  Bucket: {Type: "AWS::S3::Bucket", Properties: {BucketName: BUCKET}}
  Network: {Type: "AWS::EC2::VPC", Properties: {CidrBlock: 10.77.0.0/16}}
  SubnetA: {Type: "AWS::EC2::Subnet", Properties: {VpcId: !Ref Network, CidrBlock: 10.77.0.0/20, AvailabilityZone: us-east-1a,
            MapPublicIpOnLaunch: true, Tags: [{Key: wakebrush, Value: studio}]}}
  SubnetB: {Type: "AWS::EC2::Subnet", Properties: {VpcId: !Ref Network, CidrBlock: 10.77.16.0/20,
            AvailabilityZone: us-east-1b, MapPublicIpOnLaunch: true, Tags: [{Key: wakebrush, Value: studio}]}}
  Group: {Type: "AWS::EC2::SecurityGroup", Properties: {GroupName: studio-machines, GroupDescription: machines,
            VpcId: !Ref Network}}
  Plan:
    Type: AWS::EC2::LaunchTemplate
    Properties:
      LaunchTemplateName: studio
      LaunchTemplateData:
        ImageId: !Ref ImageId
        InstanceType: g5.xlarge
        SecurityGroupIds: [!GetAtt Group.GroupId]
        InstanceInitiatedShutdownBehavior: stop
        BlockDeviceMappings:
          - {DeviceName: /dev/sda1, Ebs: {VolumeType: gp3, VolumeSize: 40, Encrypted: true, DeleteOnTermination: true}}
          - {DeviceName: /dev/sdf, Ebs: {VolumeType: gp3, VolumeSize: 80, Encrypted: true, DeleteOnTermination: true}}
        TagSpecifications: [{ResourceType: instance, Tags: [{Key: wakebrush, Value: studio}]},
                            {ResourceType: volume, Tags: [{Key: wakebrush, Value: studio}]}]
Outputs:
  LaunchTemplate: {Value: !Ref Plan}
  SecurityGroup: {Value: !GetAtt Group.GroupId}
  Subnets: {Value: !Join [",", [!Ref SubnetA, !Ref SubnetB]]}
  Bucket: {Value: !Ref Bucket}
  GuardPort: {Value: "8443"}
  ServiceRole: {Value: "-"}
  MachineRole: {Value: "-"}
  CurfewRole: {Value: "-"}
  ScheduleGroup: {Value: "-"}
  MachineList: {Value: "-"}
"""


class Killed(Exception):
    """The command was killed."""


class Mortal(Aws):
    """Dies before AWS hears of a call that changes something, which is the same as after the change before: between two of them
    it only looks. Whatever it would call afterwards, to clear away for example, does not happen: it is dead."""

    dies_at: int | None = None
    count = 0

    async def call(self, service: str, operation: str, **arguments: Any) -> Answer:
        dead = self.dies_at is not None and self.count >= self.dies_at
        if not dead and not operation.startswith(("describe_", "list_", "get_")):
            self.count += 1
            dead = self.count == self.dies_at
        if dead:
            raise Killed
        return await super().call(service, operation, **arguments)


@cache
def practice_nodes() -> dict[str, Any]:
    nodes = Catalogue(list)
    found = {name: nodes.get(name) for name in nodes.names()}
    return {name: node.info() for name, node in found.items() if node is not None}


@cache
def png() -> bytes:
    data = io.BytesIO()
    Picture.new("RGB", (512, 512), (140, 90, 43)).save(data, "PNG")
    return data.getvalue()


class EngineOfImage:
    """The engine of a machine, good or bad as the image is that the machine boots from."""

    def __init__(self, broken: bool, version: str, nodes: Mapping[str, Any]) -> None:
        self._broken = broken
        self._version = version
        self._nodes = nodes
        self._prompts: dict[str, Any] = {}

    async def system_stats(self) -> SystemStats:
        return SystemStats(self._version, (), {})

    async def object_info(self) -> dict[str, Any]:
        return dict(self._nodes)

    async def submit(self, prompt_id: str, graph: Mapping[str, Any], *, client_id: str) -> None:
        self._prompts[prompt_id] = next(id for id, node in graph.items() if node["class_type"] == "SaveImage")

    async def history(self, prompt_id: str) -> HistoryEntry | None:
        if self._broken:
            error = EngineFailed("The engine failed at KSampler: no kernel image is available for execution on the device.")
            return HistoryEntry(prompt_id, Outcome.ERROR, {}, error=error)
        return HistoryEntry(prompt_id, Outcome.SUCCESS, {self._prompts[prompt_id]: (ImageRef("check_00001_.png"),)})

    async def view(self, image: ImageRef) -> bytes:
        return png()

    async def close(self) -> None:
        return None


def new_image(cloud: Cloud, name: str, **versions: str) -> str:
    """An image of the deployment, tagged as its build does."""
    image = str(cloud.client("ec2").register_image(Name=name, RootDeviceName="/dev/sda1")["ImageId"])
    pairs = {tags.DEPLOYMENT: STUDIO, **{tags.VERSION + key: value for key, value in versions.items()}}
    cloud.client("ec2").create_tags(Resources=[image], Tags=tags.as_list(pairs))
    return image


class Pool:
    """A pool, and what an admin holds in her hand. `said` is what she was told."""

    def __init__(self, cloud: Cloud, clock: ManualClock, stack: Stack, before: str) -> None:
        self.cloud, self.clock, self.stack, self.before = cloud, clock, stack, before
        self.said: list[str] = []
        #: Images whose engine takes a picture and fails at it.
        self.broken: set[str] = set()
        #: Machines on which every engine but that of `before` does so.
        self.broken_on: set[str] = set()
        self.version = "0.45.2"
        self.nodes: Mapping[str, Any] = practice_nodes()
        #: Machines on which a picture was painted, in order.
        self.painted_on: list[str] = []

    def image(self, name: str, **versions: str) -> str:
        """A new image of the deployment."""
        return new_image(self.cloud, name, **versions)

    async def add(self, **more: Any) -> str:
        """A machine of the stack's plan, asleep; its id."""
        ec2 = self.cloud.client("ec2")
        pool = [{"ResourceType": "instance", "Tags": tags.as_list({tags.DEPLOYMENT: STUDIO, tags.POOL: POOL})}]
        plan = {"LaunchTemplateId": self.stack.launch_template, "Version": "$Latest"}
        made = ec2.run_instances(
            LaunchTemplate=plan, MinCount=1, MaxCount=1, SubnetId=self.stack.subnets[0], TagSpecifications=pool, **more
        )["Instances"][0]["InstanceId"]
        await self.clock.advance(self.cloud.times.wake)
        ec2.stop_instances(InstanceIds=[made])
        await self.clock.advance(self.cloud.times.stopping + 1)
        assert self.cloud.state(made) == "stopped"
        return str(made)

    def engine(self, door: Door) -> Engine:
        """The engine behind a door."""
        host = urlsplit(door.url).hostname
        machine = next(one.id for one in self.cloud.ec2.every() if one.public_ip == host and one.state == "running")
        self.painted_on.append(machine)
        image = self.boots_from(machine)
        broken = image in self.broken or (machine in self.broken_on and image != self.before)
        return EngineOfImage(broken, self.version, self.nodes)

    def boots_from(self, machine_id: str) -> str:
        """The image that a machine's system disk was made from, as its own tags and the instance tell."""
        ec2 = self.cloud.client("ec2")
        instance = ec2.describe_instances(InstanceIds=[machine_id])["Reservations"][0]["Instances"][0]
        root = next(m["Ebs"]["VolumeId"] for m in instance["BlockDeviceMappings"] if m["DeviceName"] == "/dev/sda1")
        volume = ec2.describe_volumes(VolumeIds=[root])["Volumes"][0]
        return str(tags.as_dict(volume.get("Tags")).get(tags.SYSTEM_IMAGE, instance["ImageId"]))

    def models_of(self, machine_id: str) -> str:
        """The disk with a machine's models."""
        instance = self.cloud.client("ec2").describe_instances(InstanceIds=[machine_id])["Reservations"][0]["Instances"][0]
        return str(next(m["Ebs"]["VolumeId"] for m in instance["BlockDeviceMappings"] if m["DeviceName"] == "/dev/sdf"))

    def trials(self, aws: Aws | None = None) -> Trials:
        """Real trials with machines in memory."""
        options = Ec2Options(deployment=STUDIO, guard_port=GUARD_PORT, security_group=self.stack.security_group)
        way = Reach(self.cloud.find_address, self.cloud.dial, self.engine)
        return Trials(aws or self.cloud.aws(), options, self.stack, way, self.said.append)

    def rollout(self, aws: Aws | None = None) -> Rollout:
        """What the admin rolls with."""
        aws = aws or self.cloud.aws()
        return Rollout(aws, self.stack, POOL, self.trials(aws), self.said.append)

    async def sleepers(self) -> dict[str, Sleeper]:
        return {sleeper.id: sleeper for sleeper in await list_sleepers(self.cloud.aws(), STUDIO, POOL)}

    def in_plan(self) -> str:
        """The image that new machines are made from."""
        answer = self.cloud.client("ec2").describe_launch_template_versions(
            LaunchTemplateId=self.stack.launch_template, Versions=["$Latest"]
        )
        return str(answer["LaunchTemplateVersions"][0]["LaunchTemplateData"]["ImageId"])

    def canaries(self) -> list[str]:
        """Canaries that are not ended."""
        every = self.cloud.ec2.every()
        alive = [one.id for one in every if one.state not in ("shutting-down", "terminated")]
        return [one for one in alive if self.cloud.tags(one).get(tags.POOL) == tags.CANARY_POOL]

    def disks(self) -> int:
        """How many disks are paid for."""
        return len(self.cloud.client("ec2").describe_volumes()["Volumes"])

    def let_in(self) -> list[str]:
        """Who is let in to the machines, by the words of the rules."""
        rules = self.cloud.client("ec2").describe_security_group_rules(
            Filters=[{"Name": "group-id", "Values": [self.stack.security_group]}]
        )["SecurityGroupRules"]
        return [rule.get("Description", "") for rule in rules if not rule["IsEgress"]]

    def stop_orders(self, machine_id: str) -> int:
        """How often a machine was told by its agent to stop."""
        return sum(isinstance(order, Stop) for order in self.cloud.machine(machine_id).obeyed)

    async def finish(self, work: Coroutine[Any, Any, T], seconds: float = 7200.0) -> T:
        """What a long work comes to, with the clock moved for it."""
        task = asyncio.ensure_future(work)
        until = self.clock.now() + seconds
        while not task.done() and self.clock.now() < until:
            await self.clock.advance(2)
        assert task.done(), f"it never ends; it said: {self.said[-3:]}"
        return await task


@asynccontextmanager
async def pool(cloud: Cloud, clock: ManualClock, machines: int = 2) -> AsyncIterator[Pool]:
    """A pool of so many machines that sleep."""
    teach_moto_to_update()
    before = new_image(cloud, "before")
    cloud.client("cloudformation").create_stack(
        StackName=STUDIO,
        TemplateBody=SMALL.replace("BUCKET", f"studio-{cloud.account.number}"),
        Parameters=[{"ParameterKey": "ImageId", "ParameterValue": before}],
    )
    stack = await find_stack(cloud.aws(), STUDIO)
    assert stack is not None
    for subnet in stack.subnets:  # which moto's CloudFormation does not do
        cloud.client("ec2").modify_subnet_attribute(SubnetId=subnet, MapPublicIpOnLaunch={"Value": True})
    made = Pool(cloud, clock, stack, before)
    for _ in range(machines):
        await made.add()
    yield made

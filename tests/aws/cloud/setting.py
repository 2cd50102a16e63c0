"""What is there before a test begins: launch templates and sleeping machines."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import boto3

from tests.aws.cloud.times import Times
from wake_service.aws.tags import DEPLOYMENT, POOL, as_list

if TYPE_CHECKING:
    from tests.aws.cloud.cloud import Cloud

#: A deployment's name, as tests use it.
STUDIO = "studio"
GUARD_PORT = 8443


class Setting:
    """Prepares an account. Nothing of it is in the log of calls, takes time, or fails."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._session: Any = None
        self._clients: dict[str, Any] = {}
        self._group: str | None = None
        self._image: str | None = None

    def client(self, service: str) -> Quiet:
        """A client whose calls are nobody's."""
        return Quiet(self._cloud, self.raw_client(service))

    def raw_client(self, service: str) -> Any:
        """A boto3 client whose calls are a client's, unless they are made `inside` somebody else."""
        if self._session is None:
            self._session = boto3.Session(region_name=self._cloud.region, botocore_session=self._cloud.front.session())
        if service not in self._clients:
            self._clients[service] = self._session.client(service)
        return self._clients[service]

    def image(self) -> str:
        """The id of the one machine image there is."""
        if self._image is None:
            answer = self.client("ec2").register_image(
                Name="wakebrush-gpu",
                RootDeviceName="/dev/sda1",
                TagSpecifications=[{"ResourceType": "image", "Tags": as_list({DEPLOYMENT: STUDIO})}],
            )
            self._image = str(answer["ImageId"])
        return self._image

    def use_image(self, image_id: str) -> None:
        """From now on machines are made from an image that is there."""
        self._image = image_id

    def security_group(self) -> str:
        """The id of the machines' security group; it lets nobody in yet."""
        if self._group is None:
            ec2 = self.client("ec2")
            vpc = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
            tags = [{"ResourceType": "security-group", "Tags": as_list({DEPLOYMENT: STUDIO})}]
            answer = ec2.create_security_group(
                GroupName="wakebrush-machines", Description="GPU machines", VpcId=vpc, TagSpecifications=tags
            )
            self._group = str(answer["GroupId"])
        return self._group

    def launch_template(
        self,
        name: str = "wakebrush",
        *,
        instance_type: str = "g5.xlarge",
        spot: bool = False,
        gib: int = 100,
        deployment: str = STUDIO,
        pool: str = "default",
    ) -> str:
        """A launch template for machines of one pool; its id. `spot`: persistent, stopped when interrupted."""
        tags = as_list({DEPLOYMENT: deployment, POOL: pool})
        data: dict[str, Any] = {
            "ImageId": self.image(),
            "InstanceType": instance_type,
            "SecurityGroupIds": [self.security_group()],
            "MetadataOptions": {"HttpTokens": "required", "HttpEndpoint": "enabled"},
            "BlockDeviceMappings": [
                {"DeviceName": "/dev/sda1", "Ebs": {"VolumeSize": gib, "VolumeType": "gp3", "Encrypted": True}}
            ],
            "TagSpecifications": [{"ResourceType": kind, "Tags": tags} for kind in ("instance", "volume")],
        }
        if spot:
            data["InstanceMarketOptions"] = {
                "MarketType": "spot",
                "SpotOptions": {"SpotInstanceType": "persistent", "InstanceInterruptionBehavior": "stop"},
            }
        answer = self.client("ec2").create_launch_template(LaunchTemplateName=name, LaunchTemplateData=data)
        return str(answer["LaunchTemplate"]["LaunchTemplateId"])

    def add_machine(
        self,
        *,
        zone: str | None = None,
        instance_type: str = "g5.xlarge",
        spot: bool = False,
        deployment: str = STUDIO,
        pool: str = "default",
        tags: dict[str, str] | None = None,
    ) -> str:
        """A machine with our tags, asleep; its instance id."""
        ec2 = self.client("ec2")
        template = self.launch_template(
            f"wakebrush-{len(self._cloud.ec2.every())}-{self._cloud.front.version}",
            instance_type=instance_type,
            spot=spot,
            deployment=deployment,
            pool=pool,
        )
        place = {"AvailabilityZone": zone or f"{self._cloud.region}a"}
        with self._in_no_time():
            run = ec2.run_instances(LaunchTemplate={"LaunchTemplateId": template}, MinCount=1, MaxCount=1, Placement=place)
            instance_id = str(run["Instances"][0]["InstanceId"])
            ec2.stop_instances(InstanceIds=[instance_id])
            if tags:
                ec2.create_tags(Resources=[instance_id], Tags=as_list(tags))
            ec2.delete_launch_template(LaunchTemplateId=template)
        return instance_id

    @contextmanager
    def _in_no_time(self) -> Iterator[None]:
        """Everything takes no time, and nobody hears of it."""
        ec2 = self._cloud.ec2
        before = ec2.times, ec2.listeners
        ec2.times, ec2.listeners = Times(pending=0, stopping=0, visible=0, tags=0), []
        try:
            yield
        finally:
            ec2.times, ec2.listeners = before


class Quiet:
    """A boto3 client whose calls are the cloud's own."""

    def __init__(self, cloud: Cloud, client: Any) -> None:
        self._cloud = cloud
        self._client = client

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._client, name)

        def call(*positional: Any, **arguments: Any) -> Any:
            with self._cloud.front.inside("setup"):
                return found(*positional, **arguments)

        return call if callable(found) and name != "exceptions" else found

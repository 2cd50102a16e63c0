"""What RunInstances is to make, once the launch template was read: moto reads only a part of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models.instances import Instance, MetadataOptions


@dataclass(slots=True)
class Launch:
    """One launch, complete. `arguments` are those of moto's `run_instances`; `spot` holds the spot options of a spot launch."""

    image_id: str
    user_data: Any
    instance_type: str
    zone: str
    arguments: dict[str, Any]
    spot: dict[str, Any] | None = None
    profile: dict[str, str] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    volume_tags: dict[str, str] = field(default_factory=dict)

    def once_more(self) -> dict[str, Any]:
        """The arguments of the same launch later, when its template may be gone."""
        return {name: value for name, value in self.arguments.items() if name != "launch_template"}

    def finish(self, backend: Any, instance: Instance) -> None:
        """Gives the new instance what moto does not take from a template."""
        if self.metadata:
            instance.metadata_options = MetadataOptions(self.metadata)
        if self.profile:
            backend.associate_iam_instance_profile(
                instance_id=instance.id,
                iam_instance_profile_name=self.profile.get("Name"),
                iam_instance_profile_arn=self.profile.get("Arn"),
            )
        for _, device in instance.get_block_device_mapping:
            if self.volume_tags:
                backend.get_volume(device.volume_id).add_tags(self.volume_tags)


def fill_from_template(backend: Any, image_id: str, user_data: Any, market: dict[str, Any], asked: dict[str, Any]) -> Launch:
    """The launch that was asked for; what was said in the request goes before what the template says."""
    template = backend._get_template_from_args(asked["launch_template"]).data if asked.get("launch_template") else {}
    arguments = dict(asked)
    if arguments.get("is_instance_type_default") and template.get("InstanceType"):
        arguments["instance_type"], arguments["is_instance_type_default"] = template["InstanceType"], False
    _fill_network(backend, template, arguments)
    market = market or template.get("InstanceMarketOptions") or {}
    spot = dict(market.get("SpotOptions") or {}) if market.get("MarketType") == "spot" else None
    arguments["instance_market_options"] = market.get("MarketType") or {}
    if template.get("BlockDeviceMappings") and "block_device_mappings" not in arguments:
        arguments["block_device_mappings"] = template["BlockDeviceMappings"]
    if not arguments.get("security_group_ids"):
        arguments["security_group_ids"] = list(template.get("SecurityGroupIds") or [])
    tags = dict(arguments.get("tags") or {})
    arguments["tags"] = tags | {"instance": _tags(template, "instance") | tags.get("instance", {})}
    for ours, theirs in (
        ("instance_initiated_shutdown_behavior", "InstanceInitiatedShutdownBehavior"),
        ("disable_api_termination", "DisableApiTermination"),
        ("disable_api_stop", "DisableApiStop"),
    ):
        arguments[ours] = arguments.get(ours) or template.get(theirs)
    return Launch(
        image_id or template.get("ImageId"),
        user_data,
        arguments["instance_type"],
        _zone(backend, arguments),
        arguments,
        spot,
        {} if asked.get("iam_instance_profile_name") or asked.get("iam_instance_profile_arn") else _profile(template),
        {} if asked.get("metadata_options") else dict(template.get("MetadataOptions") or {}),
        _tags(template, "volume"),
    )


def _fill_network(backend: Any, template: dict[str, Any], arguments: dict[str, Any]) -> None:
    cards = template.get("NetworkInterfaces") or []
    if cards and arguments.get("subnet_id"):
        raise EC2ClientError(
            "InvalidParameterCombination",
            "Network interfaces and an instance-level subnet ID may not be specified on the same request",
        )
    if cards and not arguments.get("nics"):
        arguments["nics"] = [dict(card) for card in cards]
    placement = template.get("Placement") or {}
    if not arguments.get("placement") and not arguments.get("subnet_id"):
        arguments["placement"] = placement.get("AvailabilityZone")
    if arguments.get("placement") and not arguments.get("subnet_id") and not arguments.get("nics"):
        default = backend.get_default_subnets().get(arguments["placement"])
        arguments["subnet_id"] = default.id if default else None


def _zone(backend: Any, arguments: dict[str, Any]) -> str:
    subnet = arguments.get("subnet_id") or next(
        (card["SubnetId"] for card in arguments.get("nics") or [] if "SubnetId" in card), None
    )
    return str(
        backend.get_subnet(subnet).availability_zone if subnet else arguments.get("placement") or f"{backend.region_name}a"
    )


def _profile(template: dict[str, Any]) -> dict[str, str]:
    return dict(template.get("IamInstanceProfile") or {})


def _tags(template: dict[str, Any], kind: str) -> dict[str, str]:
    return {
        tag["Key"]: tag["Value"]
        for entry in template.get("TagSpecifications") or []
        if entry.get("ResourceType") == kind
        for tag in entry.get("Tags") or []
    }

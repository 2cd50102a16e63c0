"""Our CloudFormation template in the stand-in: applied, and taken away again."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

from moto.cloudformation.models import CloudFormationBackend
from moto.ec2.models import ec2_backends
from moto.ec2.models.internet_gateways import InternetGateway
from moto.ec2.models.route_tables import RouteTable
from moto.ec2.models.vpcs import VPCEndPoint

from tests.aws.cloud import Cloud

TEMPLATE = Path(__file__).resolve().parents[2] / "cloud_image" / "cloudformation" / "wakebrush.yaml"
STUDIO = "studio"


def apply(cloud: Cloud, name: str = STUDIO, **parameters: str) -> dict[str, str]:
    """Makes the stack, and gives its outputs."""
    _teach_moto_to_delete()
    teach_moto_to_update()
    client = cloud.client("cloudformation")
    # What moto's CloudFormation knows nothing of is not made (docs/aws.md, "Not proven without AWS").
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*not supported by moto's CloudFormation.*")
        client.create_stack(
            StackName=name,
            TemplateBody=TEMPLATE.read_text(encoding="utf-8"),
            Capabilities=["CAPABILITY_IAM"],
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
            Tags=[{"Key": "wakebrush", "Value": name}],
        )
        (stack,) = client.describe_stacks(StackName=name)["Stacks"]
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


def join_subnets(cloud: Cloud, outputs: dict[str, str]) -> None:
    """The associations of the template, and its subnets' public addresses, which moto accepts and does not make."""
    ec2 = cloud.client("ec2")
    (table,) = ec2.describe_route_tables(Filters=[{"Name": "tag:aws:cloudformation:logical-id", "Values": ["WayOut"]}])[
        "RouteTables"
    ]
    assert not table["Associations"]
    for subnet in outputs["Subnets"].split(","):
        ec2.associate_route_table(RouteTableId=table["RouteTableId"], SubnetId=subnet)
        ec2.modify_subnet_attribute(SubnetId=subnet, MapPublicIpOnLaunch={"Value": True})


def _teach_moto_to_delete() -> None:
    """AWS removes these with a stack; moto leaves them behind, and then refuses to delete the network they are in."""

    def delete_table(backend: Any, table_id: str) -> None:
        for association in list(backend.route_tables[table_id].associations):
            backend.disassociate_route_table(association)
        backend.delete_route_table(table_id)

    def delete_gateway(backend: Any, gateway_id: str) -> None:
        backend.internet_gateways.pop(gateway_id)

    def delete_endpoint(backend: Any, endpoint_id: str) -> None:
        backend.vpc_end_points.pop(endpoint_id)

    for model, delete in ((RouteTable, delete_table), (InternetGateway, delete_gateway), (VPCEndPoint, delete_endpoint)):

        def remove(cls: type, name: str, json: Any, account: str, region: str, delete: Any = delete) -> None:
            delete(ec2_backends[account][region], name)

        model.delete_from_cloudformation_json = classmethod(remove)  # type: ignore[assignment]


def teach_moto_to_update() -> None:
    """AWS takes `UsePreviousValue` for a parameter that was left at its default, too; moto knows only those that were given."""

    def resolve(self: Any, instance: Any, incoming_params: list[dict[str, Any]]) -> dict[str, str]:
        kept = {one["ParameterKey"] for one in incoming_params if one.get("UsePreviousValue")}
        given = {one["ParameterKey"]: one["ParameterValue"] for one in incoming_params if "ParameterValue" in one}
        return {**{key: value for key, value in instance.parameters.items() if key in kept}, **given}

    CloudFormationBackend._resolve_update_parameters = resolve  # type: ignore[method-assign]

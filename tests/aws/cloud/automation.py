"""Runbooks of Systems Manager, which moto has none of: the one that stops instances."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from tests.aws.cloud.cloud import Cloud


def run(cloud: Cloud, *, DocumentName: str, TargetParameterName: str, Targets: Sequence[dict[str, Any]], **_: Any) -> None:
    """`StartAutomationExecution` of AWS-StopEC2Instance: one child for each instance on a list, none hindered by another.

    The list is a resource group, by tags. Raises ClientError for a runbook, target or group that there is not.
    """
    if (DocumentName, TargetParameterName) != ("AWS-StopEC2Instance", "InstanceId"):
        raise _refused("AutomationDefinitionNotFoundException", DocumentName)
    instances = [id for target in Targets if target["Key"] == "ResourceGroup" for id in _listed(cloud, target["Values"])]
    for instance_id in instances:
        instance = cloud.instance(instance_id)
        if instance.state == "running":
            cloud.ec2.stop(instance)


def _listed(cloud: Cloud, groups: Sequence[str]) -> Iterator[str]:
    backend = cloud.account.backend("resource-groups")
    for name in groups:
        if name not in backend.groups.by_name:
            raise _refused("InvalidTarget", name)
        wanted = json.loads(backend.groups.by_name[name].resource_query["Query"])["TagFilters"]
        for instance in cloud.ec2.every():
            tags = cloud.tags(instance.id)
            if all(has["Key"] in tags and tags[has["Key"]] in (has.get("Values") or [tags[has["Key"]]]) for has in wanted):
                yield instance.id


def _refused(code: str, message: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "StartAutomationExecution")

"""The rights that our template grants, read as IAM reads them: what may a caller do to a thing under these circumstances."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cache
from typing import Any

from cfnlint.decode.cfn_yaml import loads

from tests.aws.formation import TEMPLATE

#: What the pseudo parameters and the things of the stack stand for here.
KNOWN = {
    "AWS::Partition": "aws",
    "AWS::Region": "us-east-1",
    "AWS::AccountId": "123456789012",
    "AWS::StackName": "studio",
    "MachinePlan": "lt-1",
    "MachineGroup.GroupId": "sg-machines",
    "SubnetA": "subnet-a",
    "SubnetB": "subnet-b",
    "Bucket": "studio-bucket",
    "Bucket.Arn": "arn:aws:s3:::studio-bucket",
    "Files": "fs-1",
    "MachineRole.Arn": "arn:aws:iam::123456789012:role/machine",
    "CurfewRole.Arn": "arn:aws:iam::123456789012:role/curfew",
    "HostedZone": "Z1",
    "DomainName": "paint.example.com",
}
#: Roles and the resources of the template that hold their statements.
ROLES = {
    "service": ("ServiceRole", "ServiceRights", "CertificateRights"),
    "machine": ("MachineRole", "SharedFilesRights"),
    "curfew": ("CurfewRole", "CurfewRights"),
}


@cache
def template() -> dict[str, Any]:
    """The template as it is written."""
    return dict(loads(TEMPLATE.read_text(encoding="utf-8")))


def resources(kind: str) -> dict[str, dict[str, Any]]:
    """All resources of a type, by their name in the template: their properties."""
    return {name: entry["Properties"] for name, entry in template()["Resources"].items() if entry["Type"] == kind}


def value(node: Any) -> Any:
    """A part of the template with its references worked out."""
    if isinstance(node, dict) and len(node) == 1:
        ((key, inner),) = node.items()
        if key == "Ref":
            return KNOWN.get(inner, f"<{inner}>")
        if key == "Fn::GetAtt":
            name = inner if isinstance(inner, str) else ".".join(inner)
            return KNOWN.get(name, f"<{name}>")
        if key == "Fn::Sub":
            filled = re.sub(r"\$\{([^!}][^}]*)\}", lambda found: KNOWN.get(found[1], f"<{found[1]}>"), inner)
            return filled.replace("${!", "${")
    if isinstance(node, dict):
        return {str(key): value(inner) for key, inner in node.items()}
    return [value(inner) for inner in node] if isinstance(node, list) else node


@cache
def statements(role: str) -> list[dict[str, Any]]:
    """All statements of a role."""
    return [value(statement) for name in ROLES[role] for statement in _written(template()["Resources"][name]["Properties"])]


def _written(properties: Mapping[str, Any]) -> Iterator[Any]:
    documents = [policy["PolicyDocument"] for policy in properties.get("Policies", ())]
    if "PolicyDocument" in properties:
        documents.append(properties["PolicyDocument"])
    for document in documents:
        yield from document["Statement"]


@dataclass(frozen=True)
class Ask:
    """One question to IAM. `keys` are the condition keys that AWS fills in for it; a list for those with several values."""

    action: str
    resource: str = "*"
    keys: Mapping[str, Any] = field(default_factory=dict)


def allowed(role: str, ask: Ask) -> bool:
    """Whether any statement of the role allows it (none of them denies anything)."""
    return any(
        any(fnmatchcase(ask.action, action) for action in as_list(statement["Action"]))
        and any(fnmatchcase(ask.resource, fill(resource, ask.keys)) for resource in as_list(statement["Resource"]))
        and all(
            _holds(operator, key, as_list(wanted), ask.keys)
            for operator, conditions in statement.get("Condition", {}).items()
            for key, wanted in conditions.items()
        )
        for statement in statements(role)
    )


def as_list(node: Any) -> list[Any]:
    return list(node) if isinstance(node, list) else [node]


def fill(text: str, keys: Mapping[str, Any]) -> str:
    """Policy variables with the values they have for this question; one without a value matches nothing."""
    return re.sub(r"\$\{([^}]+)\}", lambda found: str(keys.get(found[1], "<no value>")), text)


def _holds(operator: str, key: str, wanted: list[Any], keys: Mapping[str, Any]) -> bool:
    if operator == "Null":
        return (key not in keys) == (wanted == ["true"])
    if operator.startswith("ForAllValues:"):
        return all(_equal(operator.removeprefix("ForAllValues:"), one, wanted, keys) for one in as_list(keys.get(key, [])))
    return key in keys and _equal(operator, keys[key], wanted, keys)


def _equal(operator: str, given: Any, wanted: list[Any], keys: Mapping[str, Any]) -> bool:
    texts = [fill(str(one), keys) for one in wanted]
    match operator:
        case "StringEquals" | "ArnEquals" | "Bool":
            return str(given) in texts
        case "StringLike":
            return any(fnmatchcase(str(given), text) for text in texts)
    raise AssertionError(f"{operator} is not known here: teach it, before a policy stands on it")

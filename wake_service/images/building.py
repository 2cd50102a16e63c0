"""Builds an image with Packer, writes on it what is in it, and puts its engine's list of nodes where the gateway finds it."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wake_service.aws import tags
from wake_service.aws.clients import Aws
from wake_service.aws.inventory import list_machines
from wake_service.aws.stack import Stack
from wake_service.errors import ProviderError, SetupError
from wake_service.images import packer, record
from wake_service.images.disks import Tell, finish_first
from wake_service.images.facts import Image, find_image
from wake_service.images.versions import read_versions, version_tags

MANIFEST, VERSIONS, CATALOGUE = "manifest.json", "versions.json", "object_info.json"


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be built. `output` is the folder for what the build tells of itself; `network` the one address that reaches
    the building machine; `variables` are the admin's own, which go before ours."""

    deployment: str
    region: str
    template: Path
    output: Path
    network: str
    variables: Mapping[str, str]
    endpoint: str | None = None

    def all_variables(self) -> dict[str, str]:
        """As Packer is told them."""
        ours = {
            "deployment": self.deployment,
            "region": self.region,
            "builder_cidr": self.network,
            "output": str(self.output.resolve()),
            **({"ec2_endpoint": self.endpoint} if self.endpoint else {}),
        }
        return {**ours, **self.variables}


async def build(aws: Aws, order: Order, tool: packer.Packer, tell: Tell) -> None:
    """Runs Packer. Raises BuildFailed; whatever ends it early, machines that it left behind are named."""
    order.output.mkdir(parents=True, exist_ok=True)
    for name in (MANIFEST, VERSIONS, CATALOGUE):
        (order.output / name).unlink(missing_ok=True)  # of the build before
    environment = {**os.environ, "CHECKPOINT_DISABLE": "1", "AWS_REGION": order.region}
    try:
        with tempfile.TemporaryDirectory(prefix="wakebrush-packer-") as folder:
            for command in tool.commands(order.template, Path(folder) / "template", order.all_variables()):
                await packer.run(command, environment, tell)
    except BaseException:
        await finish_first(_name_leftovers(aws, order.deployment, tell))
        raise


async def keep(aws: Aws, deployment: str, output: Path, stack: Stack | None, data: Path, tell: Tell) -> Image:
    """Tags the image that was built last, and its snapshots, with all that is in it, and stores its list of nodes: in the
    deployment's bucket, or in `data` where there is no stack. Safe to repeat. Raises SetupError or AwsError."""
    image = await find_image(aws, deployment, built_image(output / MANIFEST, aws.region))
    versions = read_versions(output / VERSIONS)
    # The deployment's tag, too: a snapshot need not have got one.
    pairs = {tags.DEPLOYMENT: deployment, **version_tags(versions, image.tags)}
    await aws.call("ec2", "create_tags", Resources=[image.id, *image.snapshots], Tags=tags.as_list(pairs))
    tell(f"{image.id} is tagged with {len(versions)} versions.")
    nodes = _read_catalogue(output / CATALOGUE)
    if stack is None:
        kept = data / record.catalogue_key(image.id)
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_bytes(nodes)
        tell(f"Its engine's list of nodes is in {kept}.")
    else:
        key = record.catalogue_key(image.id)
        await aws.call("s3", "put_object", Bucket=stack.bucket, Key=key, Body=nodes, ContentType="application/json")
        tell(f"Its engine's list of nodes is in s3://{stack.bucket}/{key}.")
    return image


def built_image(manifest: Path, region: str) -> str:
    """The image in Packer's manifest, of its newest build. Raises SetupError when there is none of this region."""
    try:
        written: dict[str, Any] = json.loads(manifest.read_text(encoding="utf-8"))
        newest = next(one for one in reversed(written["builds"]) if one["packer_run_uuid"] == written["last_run_uuid"])
        places = dict(part.split(":", 1) for part in newest["artifact_id"].split(","))
    except (OSError, ValueError, LookupError, TypeError, StopIteration) as error:
        raise SetupError(
            f"Which image was built cannot be read from {manifest}. Build one: `wakebrush image build`; a build that is there "
            "already is named by --output."
        ) from error
    if region not in places:
        raise SetupError(f"The build in {manifest} made an image in {', '.join(places)}, and this deployment is in {region}.")
    return str(places[region])


def _read_catalogue(path: Path) -> bytes:
    try:
        data = path.read_bytes()
        if not isinstance(json.loads(data), dict):
            raise ValueError("it is no table of nodes")
    except (OSError, ValueError) as error:
        raise SetupError(
            f"The engine's list of nodes cannot be read from {path}: {error}. The image is there, and tagged."
        ) from error
    return data


async def _name_leftovers(aws: Aws, deployment: str, tell: Tell) -> None:
    """Names machines of a build that go on. That there are none is said too, since each would cost money."""
    try:
        machines = await list_machines(aws, deployment)
    except ProviderError as error:
        tell(f"Whether a building machine is left could not be found out: {error} Look in the EC2 console.")
        return
    left = [one for one in machines if is_builder(one.name, one.tags) and one.state != "shutting-down"]
    for machine in left:
        tell(
            f"The building machine {machine.id} is still {machine.state} and costs money: "
            f"`aws ec2 terminate-instances --instance-ids {machine.id}`"
        )
    if not left:
        tell("No building machine is left.")


def is_builder(name: str, tagged: Mapping[str, str]) -> bool:
    """Whether a machine is one that an image is built on (packer/image.pkr.hcl, run_tags)."""
    return name.endswith("(building)") and tags.POOL not in tagged

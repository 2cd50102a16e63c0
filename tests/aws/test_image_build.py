"""`wakebrush image build`: Packer is run closed to this computer's address, and the image says what is in it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tests.aws.cloud import Cloud
from tests.aws.cloud.times import Times
from tests.aws.formation import STUDIO, apply
from tests.aws.rolling import new_image
from tests.aws.test_account_commands import Leaping
from wake_service import cli_aws
from wake_service.aws import tags
from wake_service.aws.clients import Aws
from wake_service.cli import main
from wake_service.images.building import Order, build, built_image, is_builder
from wake_service.images.facts import find_image
from wake_service.images.packer import BuildFailed, Packer
from wake_service.providers.ec2 import rule
from wake_service.settings import Settings

VERSIONS = {"comfyui": "v0.45.2", "torch": "2.9.1", "pack-comfyui-inpaint-nodes": "b" * 40}
NODES = {"KSampler": {}, "INPAINT_ExpandMask": {}}
Run = Callable[..., Result]

#: Builds nothing: writes down what it was told, and leaves what a build leaves.
PACKER = """#!/usr/bin/env bash
set -euo pipefail
if [ "$1" = version ]; then echo "Packer v1.14.2"; exit; fi
printf '%s\\n' "$@" >> "HERE/told"
if [ "$1" = init ]; then exit; fi
echo "==> amazon-ebs.machine: Creating temporary security group"
cp HERE/left/* HERE/output/
"""


@pytest.fixture
def account() -> Iterator[Cloud]:
    """An account for commands, which have an event loop of their own."""
    cloud = Cloud(Leaping(), times=Times(pending=0, stopping=0, shutting_down=0))
    yield cloud
    cloud.account.close()


@pytest.fixture
def image(account: Cloud, tmp_path: Path) -> str:
    """The image that the build makes, and what it leaves beside."""
    image = new_image(account, "wakebrush-studio-20261126", driver="580-server-open")
    left = tmp_path / "left"
    left.mkdir()
    build = {"packer_run_uuid": "u2", "artifact_id": f"us-east-1:{image}"}
    old = {"packer_run_uuid": "u1", "artifact_id": "us-east-1:ami-00000000"}
    (left / "manifest.json").write_text(json.dumps({"builds": [old, build], "last_run_uuid": "u2"}))
    (left / "versions.json").write_text(json.dumps(VERSIONS))
    (left / "object_info.json").write_text(json.dumps(NODES))
    return image


@pytest.fixture
def run(account: Cloud, image: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    (tmp_path / "wakebrush.toml").write_text('provider = "ec2"\naws_deployment = "studio"\n', encoding="utf-8")
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "packer").write_text(PACKER.replace("HERE", str(tmp_path)))
    (tools / "packer").chmod(0o755)
    template = tmp_path / "packer"
    template.mkdir()
    (template / "image.pkr.hcl").touch()
    monkeypatch.setenv("PATH", f"{tools}:/usr/bin:/bin")

    def opened(given: Settings) -> Aws:
        return account.aws()

    async def here() -> str:
        return "198.51.100.7"

    monkeypatch.setattr(cli_aws, "open_account", opened)
    monkeypatch.setattr(rule, "public_address", here)

    def invoke(*words: str, **more: Any) -> Result:
        where = ["--data", str(tmp_path), "--output", str(tmp_path / "output"), "--template", str(template)]
        return CliRunner().invoke(main, ["image", "build", *where, *words], **more)

    return invoke


def told(tmp_path: Path) -> list[str]:
    return (tmp_path / "told").read_text().splitlines()


def test_the_id_comes_alone_on_standard_output_and_the_next_command_beside(run: Run, image: str) -> None:
    result = run()
    assert result.exit_code == 0, result.output
    assert result.stdout == f"{image}\n"
    assert f"wakebrush image verify {image}" in result.stderr and "Creating temporary security group" in result.stderr


def test_only_this_computer_reaches_the_building_machine(run: Run, tmp_path: Path) -> None:
    assert run().exit_code == 0
    assert "builder_cidr=198.51.100.7/32" in told(tmp_path)
    assert "deployment=studio" in told(tmp_path) and "region=us-east-1" in told(tmp_path)


def test_variables_of_the_admin_go_before_ours(run: Run, tmp_path: Path) -> None:
    assert run("--var", "driver=none", "--var", "builder_cidr=203.0.113.0/28").exit_code == 0
    assert "driver=none" in told(tmp_path) and "builder_cidr=203.0.113.0/28" in told(tmp_path)
    assert "builder_cidr=198.51.100.7/32" not in told(tmp_path)
    assert "A variable is said like" in run("--var", "driver").stderr


def test_the_image_and_its_snapshots_are_tagged_with_all_that_is_in_it(account: Cloud, run: Run, image: str) -> None:
    assert run().exit_code == 0
    found = asyncio.run(find_image(account.aws(), STUDIO, image))
    assert found.versions == {**VERSIONS, "driver": "580-server-open"}
    (snapshot,) = account.client("ec2").describe_snapshots(SnapshotIds=list(found.snapshots))["Snapshots"]
    assert tags.as_dict(snapshot["Tags"]).items() >= {tags.DEPLOYMENT: STUDIO, f"{tags.VERSION}torch": "2.9.1"}.items()


def test_the_list_of_nodes_goes_to_the_bucket_or_stays_here_without_a_stack(
    account: Cloud, run: Run, image: str, tmp_path: Path
) -> None:
    assert run().exit_code == 0
    assert json.loads((tmp_path / "images" / image / "object_info.json").read_text()) == NODES
    bucket = apply(account)["Bucket"]
    assert run("--tags-only").exit_code == 0
    stored = account.client("s3").get_object(Bucket=bucket, Key=f"images/{image}/object_info.json")
    assert json.loads(stored["Body"].read()) == NODES


def test_a_build_whose_tags_were_not_written_is_finished_without_building(
    account: Cloud, run: Run, image: str, tmp_path: Path
) -> None:
    account.deny("ec2:CreateTags")
    assert run().exit_code == 1
    account.allow("ec2:CreateTags")
    before = told(tmp_path)
    result = run("--tags-only")
    assert (result.exit_code, result.stdout) == (0, f"{image}\n") and told(tmp_path) == before


async def broken(cloud: Cloud, tmp_path: Path) -> list[str]:
    """What is told of a build that fails."""
    tool = tmp_path / "broken-packer"
    tool.write_text("#!/bin/sh\nexit 1\n")
    tool.chmod(0o755)
    said: list[str] = []
    order = Order(STUDIO, "us-east-1", tmp_path, tmp_path / "output", "198.51.100.7/32", {})
    with pytest.raises(BuildFailed, match=r"No image was made\."):
        await build(cloud.aws(), order, Packer(str(tool), (1, 14, 2)), said.append)
    return said


async def test_a_building_machine_that_a_broken_build_has_left_is_named(cloud: Cloud, tmp_path: Path) -> None:
    assert await broken(cloud, tmp_path) == ["No building machine is left."]
    tagged = [
        {"ResourceType": "instance", "Tags": tags.as_list({tags.DEPLOYMENT: STUDIO, "Name": "wakebrush-studio-1 (building)"})}
    ]
    image = cloud.setting.image()
    (left,) = cloud.client("ec2").run_instances(ImageId=image, MinCount=1, MaxCount=1, TagSpecifications=tagged)["Instances"]
    (sentence,) = await broken(cloud, tmp_path)
    assert f"The building machine {left['InstanceId']} is still pending and costs money" in sentence


def test_an_image_of_a_build_before_is_not_taken_for_this_ones(run: Run, tmp_path: Path) -> None:
    assert run().exit_code == 0
    (tmp_path / "left" / "manifest.json").unlink()
    result = run()
    assert result.exit_code == 1 and "Which image was built cannot be read" in result.stderr


def test_the_image_is_that_of_the_newest_run_in_our_region(tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.json"
    entry = {"packer_run_uuid": "u", "artifact_id": "eu-central-1:ami-eu,us-east-1:ami-us"}
    manifest.write_text(json.dumps({"builds": [entry], "last_run_uuid": "u"}))
    assert built_image(manifest, "us-east-1") == "ami-us"


def test_a_machine_of_a_pool_is_never_taken_for_a_building_one() -> None:
    assert is_builder("wakebrush-studio-1 (building)", {})
    assert not is_builder("wakebrush-studio-1 (building)", {tags.POOL: "default"}) and not is_builder("studio", {})

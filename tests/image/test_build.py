"""The image is built by Packer from our template, and holds what it says."""

from __future__ import annotations

from pathlib import Path

from tests.aws import formation
from tests.image.lab.building import BUILDER, DEPLOYMENT, REVISION, Build, admin
from tests.image.lab.workplace import Workplace
from wake_service.aws import tags


def test_packer_builds_an_image_from_our_template(workplace: Workplace, image: Build) -> None:
    assert image.ami.startswith("ami-")
    assert image.ami in workplace.account.fleet.images


def test_the_image_names_every_version_it_holds(image: Build) -> None:
    versions = image.read("versions.json")
    assert versions["comfyui"] == REVISION
    assert {"comfyui-commit", "python", "nginx", "wakebrush-machine"} <= set(versions)


def test_the_manifest_says_what_was_built_and_for_whom(image: Build) -> None:
    (build,) = image.read("manifest.json")["builds"]
    assert build["artifact_id"].endswith(image.ami)
    assert build["custom_data"]["deployment"] == DEPLOYMENT


def test_the_first_copy_of_the_nodes_comes_with_the_image(image: Build) -> None:
    nodes = image.read("object_info.json")
    assert "KSampler" in nodes
    assert "VAEDecode" in nodes


def test_every_version_in_the_image_is_a_tag_of_it(image: Build) -> None:
    versions = image.read("versions.json")
    assert image.tags[tags.DEPLOYMENT] == DEPLOYMENT
    assert {f"{tags.VERSION}{name}" for name in versions} <= set(image.tags)
    assert image.tags[f"{tags.VERSION}comfyui-commit"] == versions["comfyui-commit"]


def test_only_the_builders_own_address_could_reach_the_building_machine(image: Build) -> None:
    assert f"from [{BUILDER}] in the temporary security groups" in image.log
    assert "0.0.0.0/0" not in image.log


def test_an_image_is_verified_by_a_canary_that_paints_and_is_ended(workplace: Workplace, image: Build, tmp_path: Path) -> None:
    account = workplace.account
    outputs = account.do(lambda cloud: formation.apply(cloud, DEPLOYMENT, ImageId=image.ami, InstanceType="g5.xlarge"))
    account.do(lambda cloud: formation.join_subnets(cloud, outputs))
    code = admin(account, tmp_path / "said", "image", "verify", "--data", str(tmp_path / "admin"), image.ami)
    said = (tmp_path / "said").read_text(encoding="utf-8")
    assert code == 0, said
    assert f"{image.ami} works." in said
    canaries = account.do(lambda cloud: [one.id for one in cloud.ec2.every() if cloud.tags(one.id).get(tags.POOL) == "canary"])
    assert [account.state(canary) for canary in canaries] in (["shutting-down"], ["terminated"])
    assert tags.VERIFIED in account.do(lambda cloud: cloud.ec2.tags[image.ami])

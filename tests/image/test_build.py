"""The image is built by Packer from our template, and holds what it says."""

from __future__ import annotations

from tests.image.lab.building import DEPLOYMENT, REVISION, Build
from tests.image.lab.workplace import Workplace


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

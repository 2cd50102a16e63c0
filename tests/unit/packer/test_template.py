"""packer/*.pkr.hcl: both Packers take it, and nobody builds with it what he did not mean."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
TEMPLATE = ROOT / "packer"
GOOD = {"deployment": "studio", "builder_cidr": "203.0.113.7/32"}
#: Without these Packer asks its maker for news, and AWS's library asks a metadata service that is not there.
QUIET = {"CHECKPOINT_DISABLE": "1", "AWS_EC2_METADATA_DISABLED": "true"}
FENCE = re.compile(r"^ *# >>> packer >= 1\.7\n(.*?)^ *# <<< packer >= 1\.7\n", re.MULTILINE | re.DOTALL)


def packer(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["packer", *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False, env=os.environ | QUIET
    )


def for_debian(destination: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([TEMPLATE / "for-1.6.6", destination], capture_output=True, text=True, timeout=20, check=False)


def validate(template: Path, variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
    words = [word for name, value in variables.items() for word in ("-var", f"{name}={value}")]
    return packer("validate", *words, template)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The copy for Debian's Packer."""
    folder = tmp_path_factory.mktemp("template") / "copy"
    made = for_debian(folder)
    assert made.returncode == 0, made.stderr
    return folder


def text(name: str) -> str:
    return (TEMPLATE / name).read_text(encoding="utf-8")


def sentence(said: str) -> str:
    """What Packer said, without its line breaks."""
    return " ".join(said.split())


def test_the_template_is_formatted_as_packer_formats() -> None:
    checked = packer("fmt", "-check", TEMPLATE)
    assert (checked.returncode, checked.stdout) == (0, "")


def test_the_template_is_valid_with_nothing_but_a_name_and_an_address(template: Path) -> None:
    valid = validate(template, GOOD)
    assert valid.returncode == 0, valid.stdout + valid.stderr


def test_the_template_is_valid_for_a_build_with_mirrors_and_without_a_driver(template: Path) -> None:
    mirrored = GOOD | {
        "driver": "none",
        "apt_mirror": "https://mirror.example.org/ubuntu",
        "pip_index": "https://mirror.example.org/simple",
        "torch_index": "https://mirror.example.org/cuda",
        "git_base": "file:///srv/git",
        "shared_models": "fs-0abc.efs.us-east-1.amazonaws.com:/models",
        "comfyui_commit": "0" * 40,
        "offline": "true",
        "encrypt_boot": "false",
        "subnet_id": "subnet-0abc",
        "ec2_endpoint": "http://127.0.0.1:5556",
    }
    valid = validate(template, mirrored)
    assert valid.returncode == 0, valid.stdout + valid.stderr


def test_the_copy_for_debian_lacks_the_plugins_and_what_is_fenced_and_nothing_else(template: Path) -> None:
    assert not (template / "plugins.pkr.hcl").exists()
    for original in TEMPLATE.glob("*.pkr.hcl"):
        if original.name != "plugins.pkr.hcl":
            wanted = FENCE.sub("", original.read_text(encoding="utf-8"))
            assert (template / original.name).read_text(encoding="utf-8") == wanted


def test_a_modern_packer_builds_on_a_machine_whose_metadata_needs_a_session() -> None:
    [fenced] = FENCE.findall(text("image.pkr.hcl"))
    assert 'imds_support            = "v2.0"' in fenced
    assert 'http_tokens                 = "required"' in fenced


def test_the_copy_for_debian_is_made_anew_but_never_over_something_else(template: Path, tmp_path: Path) -> None:
    (template / "left.pkr.hcl").touch()
    assert for_debian(template).returncode == 0
    assert not (template / "left.pkr.hcl").exists()

    (tmp_path / "mine").write_text("precious", encoding="utf-8")
    refused = for_debian(tmp_path)
    assert refused.returncode == 1
    assert "nothing was changed" in refused.stderr
    assert (tmp_path / "mine").read_text(encoding="utf-8") == "precious"


@pytest.mark.parametrize("missing", sorted(GOOD))
def test_what_only_the_admin_knows_must_be_said(template: Path, missing: str) -> None:
    refused = validate(template, {name: value for name, value in GOOD.items() if name != missing})
    assert refused.returncode == 1
    assert f'Unset variable "{missing}"' in refused.stdout + refused.stderr


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("builder_cidr", "0.0.0.0/0", "open to your own address only"),
        ("builder_cidr", "0.0.0.0/24", "open to your own address only"),
        ("builder_cidr", "203.0.113.7/8", "open to your own address only"),
        ("builder_cidr", "203.0.113.7", "open to your own address only"),
        ("builder_cidr", "", "open to your own address only"),
        ("deployment", "Studio", "named by a lower-case letter"),
        ("deployment", "a" * 33, "named by a lower-case letter"),
        ("deployment", "", "named by a lower-case letter"),
        ("region", "frankfurt", "written like us-east-1"),
        ("instance_type", "xlarge", "written like m7i.xlarge"),
        ("subnet_id", "vpc-1", "written like subnet-"),
        ("source_ami_name", "", "Name the image to start from"),
        ("source_ami_owner", "canonical", "account of twelve digits"),
        ("driver", "latest", "a branch as Ubuntu names it"),
        ("driver", "", "a branch as Ubuntu names it"),
        ("volume_gib", "8", "20 to 1000 GiB"),
        ("comfyui_repository", "https://github.com/x/y", "where it lies is git_base"),
        ("comfyui_revision", "master", "a branch moves"),
        ("comfyui_revision", "v0.45.2; reboot", "a branch moves"),
        ("comfyui_commit", "v0.45.2", "40 digits"),
        ("shared_models", "/mnt/models", "written like fs-"),
        ("git_base", "http://github.com", "starts with https:// or file://"),
        ("git_base", "https://me:secret@github.com", "holds no password"),
        ("apt_mirror", "mirror.example.org", "starts with https:// or http://"),
        ("pip_index", "https://me:secret@mirror.example.org/simple", "holds no password"),
        ("torch_index", "cu130", "starts with https://"),
        ("output", "", "Name a folder"),
    ],
)
def test_a_bad_choice_is_refused_with_a_sentence(template: Path, name: str, value: str, says: str) -> None:
    refused = validate(template, GOOD | {name: value})
    assert refused.returncode == 1
    assert says in sentence(refused.stdout + refused.stderr)


def test_every_choice_is_explained() -> None:
    blocks = re.findall(r'^variable "(\w+)" \{\n(.*?)^\}', text("variables.pkr.hcl"), re.MULTILINE | re.DOTALL)
    assert len(blocks) > 15
    assert [name for name, block in blocks if "description" not in block] == []


def test_only_the_builders_address_reaches_the_building_machine() -> None:
    image = text("image.pkr.hcl")
    assert "temporary_security_group_source_cidrs = [var.builder_cidr]" in image
    assert not any("0.0.0.0/0" in text(path.name) for path in TEMPLATE.glob("*.pkr.hcl"))


def test_the_image_bears_the_deployment_and_the_versions_that_are_chosen() -> None:
    tags = re.search(r"^  tags = \{\n(.*?)^  \}", text("image.pkr.hcl"), re.MULTILINE | re.DOTALL)
    assert tags is not None
    names = dict(re.findall(r"^ +([\w-]+) += (.+)$", tags[1], re.MULTILINE))
    assert names["wakebrush"] == "var.deployment"
    assert names["wakebrush-version-comfyui"] == "var.comfyui_revision"
    assert names["wakebrush-version-driver-branch"] == "var.driver"
    assert "wakebrush-version-source-image" in names


def test_the_building_machine_belongs_to_no_pool() -> None:
    tags = re.search(r"^  run_tags = \{\n(.*?)^  \}", text("image.pkr.hcl"), re.MULTILINE | re.DOTALL)
    assert tags is not None
    assert "wakebrush = var.deployment" in sentence(tags[1])
    assert "wakebrush-pool" not in text("image.pkr.hcl")


def test_all_that_is_sent_to_the_building_machine_is_there() -> None:
    image = text("image.pkr.hcl")
    sent = re.findall(r'source += .*?"\$\{(path\.root|local\.checkout)\}/([^"]*)"', image)
    assert len(sent) == 7
    for base, name in sent:
        assert ((TEMPLATE if base == "path.root" else ROOT) / name).exists(), name


def test_the_template_tells_the_steps_nothing_that_they_do_not_know_and_all_that_they_ask() -> None:
    told = set(re.findall(r'"(WB_\w+)=', text("image.pkr.hcl")))
    asked = set(re.findall(r"\$\{(WB_\w+):=", text("scripts/common.sh")))
    assert told == asked

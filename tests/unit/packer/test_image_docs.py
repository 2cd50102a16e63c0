"""docs/image.md says what can be chosen, all of it, and nothing that is not there."""

from __future__ import annotations

import re
from dataclasses import fields
from itertools import dropwhile, takewhile
from pathlib import Path

import pytest

from cloud_image.settings import Settings, load

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "image.md").read_text(encoding="utf-8")


def table(heading: str) -> list[list[str]]:
    """The rows of the first table below a heading, each cell as it is written."""
    below = PAGE.split(f"{heading}\n", 1)[1].splitlines()
    rows = takewhile(lambda line: line.startswith("|"), dropwhile(lambda line: not line.startswith("|"), below))
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows][2:]


def keys() -> dict[str, object]:
    """Every key of machine.toml with its default."""
    found: dict[str, object] = {}
    for member in fields(Settings):
        value = getattr(Settings(), member.name)
        sections = (
            {f"{member.name}.{key.name}": getattr(value, key.name) for key in fields(value)} if member.name != "cloud" else {}
        )
        found |= sections or {member.name: value}
    return found


def test_every_key_of_the_settings_is_explained_with_its_default() -> None:
    explained = {}
    for names, defaults, _ in table("## Settings"):
        named = re.findall(r"`([\w.]+)`", names)
        shown = defaults.split(", ") if len(named) > 1 else [defaults]
        assert len(named) == len(shown), names
        explained |= dict(zip(named, (text.strip('`"') for text in shown), strict=True))
    wanted = {key: f"{value:g}" if isinstance(value, float) else str(value) for key, value in keys().items()}
    assert explained == wanted


def test_every_variable_of_the_template_is_explained() -> None:
    template = (ROOT / "packer" / "variables.pkr.hcl").read_text(encoding="utf-8")
    declared = set(re.findall(r'^variable "(\w+)"', template, re.MULTILINE)) | {"ec2_endpoint"}
    explained = {name for row in table("### What may be chosen") for name in re.findall(r"`(\w+)`", row[0])}
    assert explained == declared


def test_a_default_that_is_written_is_the_default() -> None:
    template = (ROOT / "packer" / "variables.pkr.hcl").read_text(encoding="utf-8")
    for name in ("instance_type", "driver", "comfyui_revision", "source_ami_owner", "git_base", "volume_gib"):
        block = re.search(rf'variable "{name}" \{{.*?default\s+= "?([^"\n]+)"?$', template, re.DOTALL | re.MULTILINE)
        assert block is not None
        [row] = [row for row in table("### What may be chosen") if f"`{name}`" in row[0]]
        assert block[1] in row[1], name


def test_the_settings_that_images_get_are_those_of_the_code() -> None:
    settings, defaults = load(ROOT / "packer" / "machine.toml"), Settings()
    assert settings == defaults


@pytest.mark.parametrize("command", sorted(set(re.findall(r"`(?:AWS_PROFILE=\w+ )?(?:sudo )?(packer/[\w.-]+)", PAGE))))
def test_a_script_that_is_named_is_there(command: str) -> None:
    assert (ROOT / command).exists()

"""What the image is made of is pinned, and the pins fit together."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PACKER = ROOT / "packer"
MACHINE = ROOT / "cloud_image"
LOCKS = ("requirements-engine.lock", "requirements-machine.lock")


def pins(path: Path) -> dict[str, str]:
    """Library to version. Raises ValueError for a line that pins nothing."""
    found = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.strip().startswith("#"):
            name, version = line.split("==")
            found[name.lower()] = version
    return found


def project() -> dict[str, dict[str, list[str]]]:
    return tomllib.loads((MACHINE / "pyproject.toml").read_text(encoding="utf-8"))


def name_of(requirement: str) -> str:
    return re.split(r"[ <>=\[]", requirement, maxsplit=1)[0].lower()


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_holds_versions_and_no_addresses(name: str) -> None:
    locked = pins(PACKER / name)
    assert len(locked) > 10
    assert all(re.fullmatch(r"[0-9][0-9a-z.+!]*", version) for version in locked.values())


def test_all_that_the_machines_software_asks_for_is_locked() -> None:
    asked = {name_of(requirement) for requirement in project()["project"]["dependencies"]}
    assert asked <= set(pins(PACKER / "requirements-machine.lock"))


def test_the_machines_libraries_are_those_that_the_tests_run_with() -> None:
    tested, locked = pins(ROOT / ".ci" / "requirements.lock"), pins(PACKER / "requirements-machine.lock")
    assert {name: (version, tested[name]) for name, version in locked.items() if tested.get(name, version) != version} == {}


def test_all_that_the_engine_asks_for_is_locked() -> None:
    lines = (PACKER / "requirements-engine.in").read_text(encoding="utf-8").splitlines()
    asked = {name_of(line).replace("_", "-") for line in lines if line and not line.startswith("#")}
    assert {"torch", "torchvision", "safetensors"} <= asked <= set(pins(PACKER / "requirements-engine.lock"))


def test_the_wheel_holds_every_package_of_the_machine() -> None:
    folders = {path.parent.relative_to(MACHINE) for path in MACHINE.rglob("__init__.py")}
    packages = {".".join(("cloud_image", *folder.parts)) for folder in folders}
    listed = project()["tool"]["setuptools"]["packages"]
    assert set(listed) == packages


def test_node_packs_are_pinned_to_whole_commits_and_named_once() -> None:
    lines = (PACKER / "node-packs" / "packs.lock").read_text(encoding="utf-8").splitlines()
    packs = [line.split() for line in lines if line and not line.startswith("#")]
    assert {pack[0] for pack in packs} >= {"comfyui-inpaint-nodes", "comfyui_controlnet_aux"}
    assert len({pack[0] for pack in packs}) == len(packs)
    assert all(re.fullmatch(r"[\w.-]+/[\w.-]+", pack[1]) and re.fullmatch(r"[0-9a-f]{40}", pack[2]) for pack in packs)
    overlays = {path.name for path in (PACKER / "node-packs").iterdir() if path.is_dir()}
    assert overlays <= {pack[0] for pack in packs}

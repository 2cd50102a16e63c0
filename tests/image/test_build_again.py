"""What ends a build, and that its steps may be repeated: tried on the image that Packer built, without Packer."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.image.containers import ROOT, inside
from tests.image.lab import building, sources
from tests.image.lab.building import Build
from tests.image.lab.roots import Disk
from tests.image.lab.sources import Sources
from tests.image.lab.workplace import CACHE, Workplace

PACKER = ROOT / "packer"


@dataclass(frozen=True)
class Site:
    """A building machine's disk, as it is when all is installed and nothing is tidied away yet."""

    root: Path
    told: dict[str, str]

    def install(self, *steps: str) -> subprocess.CompletedProcess[str]:
        """Runs steps of the build."""
        return inside(self.root, ["bash", "/tmp/wakebrush/scripts/install", *steps], self.told)

    def change(self, name: str, pattern: str, text: str) -> None:
        """Changes a file. Raises AssertionError when there is nothing to change."""
        file = self.root / name
        was = file.read_text(encoding="utf-8")
        assert re.search(pattern, was, re.MULTILINE), name
        file.write_text(re.sub(pattern, text, was, count=1, flags=re.MULTILINE), encoding="utf-8")


@pytest.fixture(scope="module")
def made(workplace: Workplace) -> Sources:
    return sources.make(workplace.leftovers.folder / "again", CACHE, building.REVISION)


@pytest.fixture
def site(workplace: Workplace, image: Build, made: Sources) -> Iterator[Site]:
    # Where the next run finds it, should this one be killed.
    folder = Path(tempfile.mkdtemp(dir=workplace.leftovers.folder))
    disk = Disk(folder, workplace.account.fleet.images[image.ami])
    root = disk.mount()
    try:
        lay_out(root, made)
        told = {"WB_GIT_BASE": "file:///srv/git", "WB_OFFLINE": "yes", "WB_COMFYUI_REVISION": building.REVISION}
        yield Site(root, told | {"WB_COMFYUI_COMMIT": made.commit})
    finally:
        disk.unmount()


def lay_out(root: Path, made: Sources) -> None:
    """Puts there what Packer sends to a building machine."""
    files = root / "tmp/wakebrush"
    files.mkdir(parents=True)
    shutil.copytree(PACKER / "scripts", files / "scripts")
    shutil.copytree(ROOT / "cloud_image", files / "cloud_image", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(made.wheelhouse, files / "wheelhouse")
    shutil.copytree(made.git, root / "srv/git")
    (files / "node-packs").mkdir()
    shutil.copy(made.packs, files / "node-packs/packs.lock")
    shutil.copy(made.constraints, files / "requirements-engine.lock")
    shutil.copy(PACKER / "requirements-machine.lock", files)
    shutil.copy(root / "etc/wakebrush/machine.toml", files)


def test_every_step_may_be_repeated_and_changes_nothing(site: Site) -> None:
    versions = site.root / "etc/wakebrush/versions.json"
    before = json.loads(versions.read_text(encoding="utf-8"))
    again = site.install("image")
    assert again.returncode == 0, again.stdout[-3000:] + again.stderr[-3000:]
    after = json.loads(versions.read_text(encoding="utf-8"))
    assert {**after, "built-at": ""} == {**before, "built-at": ""}


def test_a_trial_leaves_nothing_of_itself_in_the_image(site: Site) -> None:
    assert site.install("smoke").returncode == 0
    assert list((site.root / "var/lib/wakebrush/guard").iterdir()) == []
    assert [path.name for path in (site.root / "tmp").iterdir()] == ["wakebrush"]
    assert [path for path in (site.root / "var/lib/comfyui").rglob("*") if path.is_file()] == []


@pytest.mark.parametrize(
    ("name", "pattern", "text", "says"),
    [
        ("etc/wakebrush/machine.toml", r"^\[idle\]$", "[idle]\nminutes = 30", "idle.minutes is not a setting"),
        ("etc/systemd/system/comfyui.service", r"^\[Service\]$", "[Service]\nRestarts=always", "Restarts"),
        (
            "opt/comfyui/app/main.py",
            r"^if __name__.*$",
            "sys.exit('torch cannot be imported')\nif 1:",
            "torch cannot be imported",
        ),
        ("etc/wakebrush/nginx.conf", r"^.*return 401;.*$", "", "The guard lets somebody in without the token"),
        ("etc/wakebrush/nginx.conf", r"^.*closed-by-stop\).*$", "", "The guard's door does not close"),
    ],
    ids=[
        "a setting that is none",
        "a unit's unknown word",
        "an engine that ends",
        "a guard without a token",
        "a door that stays open",
    ],
)
def test_what_would_not_work_on_a_machine_ends_the_build(site: Site, name: str, pattern: str, text: str, says: str) -> None:
    site.change(name, pattern, text)
    ended = site.install("smoke")
    assert ended.returncode != 0
    assert says in ended.stdout + ended.stderr
    assert "The step smoke failed" in ended.stderr


def test_a_release_that_is_another_commit_ends_the_build(site: Site, made: Sources) -> None:
    other = "0" * 40
    ended = inside(site.root, ["bash", "/tmp/wakebrush/scripts/install", "engine"], {**site.told, "WB_COMFYUI_COMMIT": other})
    assert ended.returncode != 0
    assert f"is commit {made.commit}, not {other}" in ended.stderr


def test_a_pack_that_is_no_longer_wanted_goes(site: Site) -> None:
    lock = site.root / "tmp/wakebrush/node-packs/packs.lock"
    first, second = lock.read_text(encoding="utf-8").splitlines()
    lock.write_text(f"{second}\n", encoding="utf-8")
    assert site.install("node-packs").returncode == 0
    packs = site.root / "opt/comfyui/app/custom_nodes"
    assert not (packs / first.split()[0]).exists()
    assert (packs / second.split()[0]).exists()
    assert (packs / "example_node.py.example").exists()

"""The steps that install a machine may be repeated: on a machine that has all of it, and nothing is different afterwards."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.image.lab import building, gpu
from tests.image.lab.building import Build
from tests.image.lab.scene import Scene
from tests.image.lab.sources import MACHINE_LOCK, REPOSITORY, ROOT, Sources
from tests.image.lab.workplace import Workplace

INSTALL = "/srv/install"
#: What names all files that the image brings, with mode, owner, size, and where links lead; not what differs at every call:
#: bytecode has the moment in it, and git notes what it did.
LISTING = (
    "find /opt /etc /usr/local /usr/share/wakebrush /var/lib/wakebrush /var/lib/comfyui ! -type d "
    "! -name '*.pyc' ! -path '*/.git/*' ! -path '/etc/wakebrush/versions.json' ! -path '/var/lib/comfyui/*' "
    "! -path '*/guard/*' -printf '%p %m %u %g %s %l\\n' | sort"
)


@pytest.fixture
def laid_out(workplace: Workplace, tmp_path: Path) -> Path:
    """The folder that Packer lays out on a building machine."""
    made, folder = workplace.sources(), tmp_path / "install"
    for name, source in {
        "cloud_image": ROOT / "cloud_image",
        "scripts": building.PACKER / "scripts",
        "wheelhouse": made.wheelhouse,
        "node-packs": made.packs.parent,
    }.items():
        shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copyfile(made.constraints, folder / "requirements-engine.lock")
    shutil.copyfile(MACHINE_LOCK, folder / MACHINE_LOCK.name)
    shutil.copyfile(building.SETTINGS, folder / "machine.toml")
    return folder


def told(sources: Sources) -> list[str]:
    """What the template tells the steps."""
    return [
        "WB_OFFLINE=yes",
        "WB_DRIVER=none",
        f"WB_GIT_BASE=file://{building.MIRROR}",
        f"WB_COMFYUI_REPOSITORY={REPOSITORY}",
        f"WB_COMFYUI_REVISION={building.REVISION}",
        f"WB_COMFYUI_COMMIT={sources.commit}",
    ]


def test_the_steps_of_the_build_change_nothing_when_they_are_repeated(
    workplace: Workplace, image: Build, laid_out: Path, tmp_path: Path
) -> None:
    again = Scene(workplace.account, "again", tmp_path / "again", serve=False)
    again.machine.shown = {laid_out: INSTALL, workplace.sources().git: building.MIRROR}
    again.write_token("a token")
    again.power_on()
    try:
        again.until(lambda: again.machine.on, 30, "the machine being on")
        gpu.set_load(again.machine, 60)  # it has no other work that would keep it awake
        again.machine.container.until_booted()
        before = again.machine.run("bash", "-c", LISTING)
        again.machine.run("env", *told(workplace.sources()), "bash", f"{INSTALL}/scripts/install", "image", seconds=300)
        assert "/opt/comfyui/app/main.py " in before and "/etc/systemd/system/comfyui.service " in before
        after = again.machine.run("bash", "-c", LISTING)
        assert sorted(set(before.splitlines()) ^ set(after.splitlines())) == []
        assert (
            again.machine.run("systemctl", "is-enabled", "comfyui.service", "wakebrush-agent.service").split() == ["enabled"] * 2
        )
    finally:
        again.close()

"""The containers: installed by the Dockerfile's own lines in a clean root, and started as a container engine starts them."""

from __future__ import annotations

import secrets
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.image.containers import Builder, Container
from tests.image.lab import building, sources
from tests.image.lab.roots import Disk
from tests.image.lab.workplace import CACHE, Workplace

START_SECONDS = 60.0
ENGINE, GUARD = "http://127.0.0.1:8188", "https://127.0.0.1:8443"
NOBODYS = "2d2c8a3e-0f60-4a53-a8f0-7b1f63b0d3a4"


@pytest.fixture(scope="module")
def builder(workplace: Workplace) -> Builder:
    """Builds from a mirror of git repositories and a wheelhouse, without any network."""
    folder = workplace.leftovers.folder / "containers"
    made = sources.make(folder / "sources", CACHE, building.REVISION)
    disk = Disk(folder / "clean", workplace.base())
    root = disk.mount()
    subprocess.run(["cp", "-r", made.git, root / "srv" / "git"], check=True)
    disk.unmount()
    packs = folder / "node-packs"
    packs.mkdir()
    (packs / "packs.lock").write_text(made.packs.read_text(encoding="utf-8"), encoding="utf-8")
    return Builder(
        folder,
        disk.freeze(folder / "clean-files"),
        instead={
            "packer/wheelhouse": made.wheelhouse,
            "packer/node-packs": packs,
            "packer/requirements-engine.lock": made.constraints,
        },
        arguments={
            "VARIANT": "cpu",
            "WB_GIT_BASE": "file:///srv/git",
            "WB_OFFLINE": "yes",
            "WB_COMFYUI_REVISION": building.REVISION,
            "WB_COMFYUI_COMMIT": made.commit,
        },
    )


@pytest.fixture
def disks(builder: Builder, workplace: Workplace) -> Iterator[dict[str, Disk]]:
    """A disk for each container, with the folder that they share."""
    # Where the next run finds them, should this one be killed.
    folder = Path(tempfile.mkdtemp(dir=workplace.leftovers.folder))
    with ExitStack() as stack:
        made = {}
        for name in ("engine", "guard"):
            made[name] = Disk(folder / name, builder.stage(name))
            made[name].mount()
            stack.callback(made[name].unmount)
        shared, place = made["engine"].root / "run/wakebrush", made["guard"].root / "run/wakebrush"
        subprocess.run(["mount", "--bind", shared, place], check=True)
        stack.callback(subprocess.run, ["umount", place], check=True)
        yield made


@pytest.fixture
def engine(disks: dict[str, Disk]) -> Iterator[Container]:
    started = Container("engine", disks["engine"])
    yield started
    started.kill()


@pytest.fixture
def token(disks: dict[str, Disk]) -> str:
    """The secret that compose shows the guard alone."""
    made = secrets.token_hex(32)
    place = disks["guard"].root / "run/secrets/guard-token"
    place.parent.mkdir()
    place.write_text(made, encoding="utf-8")
    return made


@pytest.fixture
def guard(disks: dict[str, Disk], engine: Container, token: str) -> Iterator[Container]:
    started = Container("guard", disks["guard"], network_of=engine)
    yield started
    started.kill()


def test_the_engines_container_is_well_and_ends_when_it_is_told_to(engine: Container) -> None:
    assert engine.healthy(START_SECONDS), engine.said
    assert engine.curl(f"{ENGINE}/object_info") == "200"
    assert engine.stop(20), engine.said


def test_the_guards_container_lets_in_who_has_the_token_and_reaches_engine_and_agent(
    engine: Container, guard: Container, token: str
) -> None:
    assert engine.healthy(START_SECONDS), engine.said
    assert guard.healthy(START_SECONDS), guard.said
    bearer = ("--header", f"Authorization: Bearer {token}")
    assert guard.curl(f"{GUARD}/system_stats") == "401"
    assert guard.curl(*bearer, f"{GUARD}/system_stats") == "200"
    # The agent's own answer: it has kept nothing of this prompt. Without an agent it would be 502.
    assert guard.curl(*bearer, f"{GUARD}/agent/results/{NOBODYS}") == "404", engine.said + guard.said
    assert guard.stop(20), guard.said

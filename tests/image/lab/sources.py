"""What the image build installs from, made here: git repositories and wheels. The practice engine takes ComfyUI's place."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
LOCK = ROOT / ".ci" / "requirements.lock"
MACHINE_LOCK = ROOT / "packer" / "requirements-machine.lock"
PACKS = ROOT / "packer" / "node-packs" / "packs.lock"
PRACTICE = ROOT / "wake_service" / "practice_engine"
MAIN = ROOT / "tests" / "image" / "practice"
#: What the practice engine needs, in the versions that the tests run with.
ENGINE_LIBRARIES = ["aiohttp", "click", "numpy", "Pillow"]
#: What a wheel is built with, where no index is asked.
BUILD_LIBRARIES = ["pip", "setuptools", "wheel"]
REPOSITORY = "Comfy-Org/ComfyUI"
_AUTHOR = {"GIT_AUTHOR_NAME": "t", "GIT_AUTHOR_EMAIL": "t@example.invalid", "GIT_AUTHOR_DATE": "2026-11-01T00:00:00Z"}
_COMMITTER = {name.replace("AUTHOR", "COMMITTER"): value for name, value in _AUTHOR.items()}


@dataclass(frozen=True)
class Sources:
    """`git` holds repositories as OWNER/NAME, `packs` pins those that are node packs; `commit` is ComfyUI's."""

    git: Path
    wheelhouse: Path
    packs: Path
    constraints: Path
    commit: str


def make(folder: Path, cache: Path, revision: str) -> Sources:
    """Everything, in `folder`; wheels are kept in `cache` for as long as the locks are the same."""
    folder.mkdir(parents=True)
    git = folder / "git"
    commit = _repository(git / REPOSITORY, _comfyui(folder / "comfyui", revision), revision)
    packs = folder / "node-packs" / "packs.lock"
    packs.parent.mkdir()
    packs.write_text(
        "".join(_pack(git, folder, line) for line in PACKS.read_text(encoding="utf-8").splitlines()), encoding="utf-8"
    )
    constraints = folder / "constraints.txt"
    shutil.copyfile(LOCK, constraints)
    return Sources(git, wheelhouse(cache), packs, constraints, commit)


def wheelhouse(cache: Path) -> Path:
    """A folder with all wheels that the build asks for."""
    wanted = hashlib.sha256(LOCK.read_bytes() + MACHINE_LOCK.read_bytes() + repr(ENGINE_LIBRARIES).encode()).hexdigest()[:16]
    folder = cache / f"wheelhouse-{wanted}"
    if not folder.exists():
        fresh = folder.with_suffix(".new")
        shutil.rmtree(fresh, ignore_errors=True)
        _download(fresh, "--constraint", str(LOCK), *ENGINE_LIBRARIES)
        _download(fresh, "--requirement", str(MACHINE_LOCK))
        _download(fresh, *BUILD_LIBRARIES)
        fresh.rename(folder)
    return folder


def _download(folder: Path, *wanted: str) -> None:
    command = [sys.executable, "-m", "pip", "--no-input", "download", "--quiet", "--only-binary", ":all:", "--dest", str(folder)]
    done = subprocess.run([*command, *wanted], capture_output=True, text=True, timeout=300, check=False)
    if done.returncode != 0:
        raise AssertionError(f"the wheels for the image cannot be had: {done.stdout[-2000:]}{done.stderr[-2000:]}")


def _comfyui(folder: Path, revision: str) -> Path:
    """A checkout that starts as ComfyUI does and is the practice engine."""
    shutil.copytree(PRACTICE, folder / "practice_engine", ignore=shutil.ignore_patterns("__pycache__"))
    for file in MAIN.glob("*.py"):
        shutil.copyfile(file, folder / file.name)
    (folder / "comfyui_version.py").write_text(f'__version__ = "{revision.removeprefix("v")}"\n', encoding="utf-8")
    (folder / "requirements.txt").write_text("\n".join(ENGINE_LIBRARIES) + "\n", encoding="utf-8")
    (folder / "custom_nodes").mkdir()
    (folder / "custom_nodes" / "example_node.py.example").touch()
    return folder


def _pack(git: Path, folder: Path, line: str) -> str:
    """The line of a lock file that pins a node pack of the same name, whose one node does nothing."""
    if not line.strip() or line.startswith("#"):
        return ""
    name, repository, *_ = line.split()
    checkout = folder / "packs" / name
    checkout.mkdir(parents=True)
    (checkout / "__init__.py").write_text(f"NODE_CLASS_MAPPINGS = {{'{name}-node': None}}\n", encoding="utf-8")
    return f"{name} {repository} {_repository(git / repository, checkout, 'main')}\n"


def _repository(place: Path, checkout: Path, tag: str) -> str:
    """Makes a folder a repository at `place`, tagged; its commit, which is the same each time."""
    place.parent.mkdir(parents=True, exist_ok=True)
    for arguments in (["init", "--quiet", "--initial-branch=main"], ["add", "--all"], ["commit", "--quiet", "-m", "As it is"]):
        _git(checkout, *arguments)
    if tag != "main":
        _git(checkout, "tag", tag)
    _git(checkout, "clone", "--quiet", "--bare", ".", str(place))
    return _git(checkout, "rev-parse", "HEAD")


def _git(folder: Path, *arguments: str) -> str:
    # Whatever this computer's own git is told (names, hooks, keys to sign with) is not for these repositories.
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1"} | _AUTHOR | _COMMITTER
    done = subprocess.run(
        ["git", *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout.strip()

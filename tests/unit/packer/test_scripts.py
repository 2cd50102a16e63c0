"""packer/scripts: what the steps refuse, and that ShellCheck has nothing to say about any shell script of ours."""

from __future__ import annotations

import os
import re
import stat
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
SCRIPTS = ROOT / "packer" / "scripts"
#: Steps that only a container needs.
CONTAINERS = {"folders"}


def shell_scripts() -> list[Path]:
    """Every file of the checkout that a shell runs."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, check=True
    )
    files = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    return [path for path in files if path.is_file() and is_shell(path)]


def is_shell(path: Path) -> bool:
    with path.open("rb") as file:
        return path.suffix == ".sh" or re.match(rb"#!.*\b(ba)?sh\b", file.readline(200)) is not None


def bash(script: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs lines with what all steps share."""
    lines = f'. "{SCRIPTS}/common.sh"\n{script}'
    return subprocess.run(
        ["bash", "-c", lines], capture_output=True, text=True, timeout=30, check=False, env=os.environ | environment
    )


@pytest.mark.parametrize("script", shell_scripts(), ids=lambda path: str(path.relative_to(ROOT)))
def test_shellcheck_has_nothing_to_say(script: Path) -> None:
    checked = subprocess.run(
        ["shellcheck", "--external-sources", "--source-path", ROOT, script],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (checked.returncode, checked.stdout) == (0, ""), checked.stdout


def test_every_step_stops_at_its_first_failure_and_is_run_in_its_order() -> None:
    steps = sorted(SCRIPTS.glob("[0-9][0-9]-*.sh"))
    [image] = re.findall(r"set -- ([a-z -]+)$", (SCRIPTS / "install").read_text(encoding="utf-8"), re.MULTILINE)
    assert [*image.split(), "clean"] == [step.stem[3:] for step in steps if step.stem[3:] not in CONTAINERS]
    for step in steps:
        assert '. "$(dirname "${BASH_SOURCE[0]}")/common.sh"' in step.read_text(encoding="utf-8"), step.name
        assert step.stat().st_mode & stat.S_IXUSR
    assert bash("false; echo went on").stdout == ""


def test_a_step_that_is_not_there_is_a_sentence() -> None:
    refused = subprocess.run([SCRIPTS / "install", "paint"], capture_output=True, text=True, timeout=20, check=False)
    assert refused.returncode == 1
    assert "There is no step paint." in refused.stderr or "Installing needs root." in refused.stderr


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository `owner/name` with two releases."""
    folder = tmp_path / "git" / "owner" / "name"
    folder.mkdir(parents=True)
    git(folder, "init", "--quiet")
    for release in ("v1.0.0", "v1.1.0"):
        (folder / "main.py").write_text(f"print('{release}')\n", encoding="utf-8")
        git(folder, "add", "main.py")
        git(folder, "-c", "user.name=Tester", "-c", "user.email=tester@example.org", "commit", "--quiet", "--message", release)
        git(folder, "tag", release)
    return folder


def git(folder: Path, *arguments: str) -> str:
    return subprocess.run(
        ["git", "-C", folder, *arguments], capture_output=True, text=True, check=True, timeout=20
    ).stdout.strip()


def checkout(repository: Path, revision: str, folder: Path) -> subprocess.CompletedProcess[str]:
    base = f"file://{repository.parents[1]}"
    return bash(f'checkout owner/name "{revision}" "{folder}"; commit "{folder}"', WB_GIT_BASE=base)


def test_a_release_is_checked_out_as_its_tag_says(repository: Path, tmp_path: Path) -> None:
    done = checkout(repository, "v1.0.0", tmp_path / "app")
    assert done.stdout.strip() == git(repository, "rev-parse", "v1.0.0")
    assert (tmp_path / "app" / "main.py").read_text(encoding="utf-8") == "print('v1.0.0')\n"


def test_another_revision_over_a_changed_checkout_leaves_exactly_that_revision(repository: Path, tmp_path: Path) -> None:
    app = tmp_path / "app"
    checkout(repository, "v1.0.0", app)
    (app / "main.py").write_text("changed by hand\n", encoding="utf-8")
    newest = git(repository, "rev-parse", "v1.1.0")
    assert checkout(repository, newest, app).stdout.strip() == newest
    assert (app / "main.py").read_text(encoding="utf-8") == "print('v1.1.0')\n"

    (app / "main.py").write_text("changed by hand\n", encoding="utf-8")
    assert checkout(repository, newest, app).returncode == 0
    assert (app / "main.py").read_text(encoding="utf-8") == "print('v1.1.0')\n"


def test_a_release_that_is_not_there_is_a_sentence(repository: Path, tmp_path: Path) -> None:
    refused = checkout(repository, "v9.9.9", tmp_path / "app")
    assert refused.returncode == 1
    assert "owner/name does not give v9.9.9." in refused.stderr


@pytest.mark.parametrize(
    ("choices", "wanted"),
    [
        ({}, ""),
        ({"WB_PIP_INDEX": "https://mirror.example.org/simple"}, "--index-url https://mirror.example.org/simple"),
        ({"WB_PIP_INDEX": "https://mirror.example.org/simple", "WB_OFFLINE": "yes"}, "--no-index"),
    ],
)
def test_libraries_come_from_the_wheelhouse_and_then_from_the_index_that_was_chosen(choices: dict[str, str], wanted: str) -> None:
    asked = bash("pip_install echo torch", **choices).stdout
    assert f"--find-links {ROOT}/packer/wheelhouse" in asked
    assert wanted in asked
    assert ("index" in asked) == bool(wanted)


def commands(folder: Path, **scripts: str) -> str:
    """A PATH on which these commands come first."""
    folder.mkdir(exist_ok=True)
    for name, script in scripts.items():
        file = folder / name.replace("_", "-")
        file.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        file.chmod(0o755)
    return f"{folder}:{os.environ['PATH']}"


def build_with_driver(tmp_path: Path, *, module: str, system: int = 0) -> tuple[subprocess.CompletedProcess[str], str]:
    """The step `driver`, with a package manager that only takes notes; what it was told to hold."""
    notes = tmp_path / "held"
    notes.touch()
    path = commands(
        tmp_path / "bin",
        apt_get="exit 0",
        apt_mark=f'[ "$1" != hold ] || echo "$@" >>"{notes}"',
        grep=f"exit {system}",
        find="echo vmlinuz-6.9.0-1002-aws; echo vmlinuz-6.14.0-1010-aws",
        modinfo=f'[ "$2" = 6.14.0-1010-aws ] && echo "{module}"',
        dpkg_query="""case "$*" in
            *Version*) echo 580.95.05-0ubuntu0.24.04.1 ;;
            *"Status-Abbrev} "*) printf 'ii ' ;;
            *Package*) printf 'ii linux-image-6.14.0-1010-aws\\nii nvidia-utils-580-server\\nii bash\\nrc linux-image-old\\n' ;;
            *) printf 'ii ' ;;
        esac""",
    )
    ran = subprocess.run(
        [SCRIPTS / "30-driver.sh"],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        env=os.environ | {"PATH": path, "WB_DRIVER": "580-server-open"},
    )
    return ran, notes.read_text(encoding="utf-8")


def test_kernel_and_driver_are_held_together_and_nothing_else(tmp_path: Path) -> None:
    ran, held = build_with_driver(tmp_path, module="580.95.05")
    assert ran.returncode == 0, ran.stderr
    assert held.split() == ["hold", "linux-image-6.14.0-1010-aws", "nvidia-utils-580-server"]


@pytest.mark.parametrize(("module", "named"), [("", "none"), ("575.57.08", "575.57.08")])
def test_a_kernel_whose_module_does_not_fit_the_driver_ends_the_build(tmp_path: Path, module: str, named: str) -> None:
    ran, held = build_with_driver(tmp_path, module=module)
    assert ran.returncode == 1
    assert f"Kernel 6.14.0-1010-aws has NVIDIA's module in version {named}, the libraries are 580.95.05" in ran.stderr
    assert held == ""


def test_a_driver_on_another_system_than_ubuntu_is_a_sentence(tmp_path: Path) -> None:
    ran, _ = build_with_driver(tmp_path, module="580.95.05", system=1)
    assert ran.returncode == 1
    assert "Set driver to none" in ran.stderr

"""Which engine is started, and what is said about a setting that names none."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from wake_service.errors import SetupError
from wake_service.providers.engine_command import EngineCommand, from_settings
from wake_service.settings import Settings


def command(tmp_path: Path, **given: Any) -> EngineCommand:
    return from_settings(Settings(data=tmp_path, **given), tmp_path / "engine")


def executable(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o700)
    return path


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / "ComfyUI"
    (folder / "comfy").mkdir(parents=True)
    (folder / "main.py").touch()
    (folder / "comfy" / "cli_args.py").write_text('parser.add_argument("--listen")')
    return folder


def test_without_settings_the_practice_engine_runs(tmp_path: Path) -> None:
    engine = command(tmp_path, practice_args="--step-seconds 2")
    assert engine.argv[:3] == (sys.executable, "-m", "wake_service.practice_engine")
    assert engine.argv[3:] == ("--step-seconds", "2", "--port", "{port}", "--directory", str(tmp_path / "engine"))
    assert (engine.cwd / "wake_service" / "practice_engine").is_dir()


def test_a_checkout_runs_with_its_own_venv_on_loopback(checkout: Path, tmp_path: Path) -> None:
    python = executable(checkout / "venv" / "bin" / "python")
    engine = command(tmp_path, comfyui_folder=checkout, engine_args="--lowvram")
    assert engine.cwd == checkout
    assert engine.argv == (
        str(python),
        "main.py",
        "--lowvram",
        "--listen",
        "127.0.0.1",
        "--port",
        "{port}",
        "--disable-auto-launch",
    )


def test_a_given_python_is_kept_as_the_link_it_is(checkout: Path, tmp_path: Path) -> None:
    python = tmp_path / "env" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to(executable(tmp_path / "usr" / "python3"))
    assert command(tmp_path, comfyui_folder=checkout, comfyui_python=python).argv[0] == str(python)


def test_the_asset_database_is_turned_off_where_there_is_one(checkout: Path, tmp_path: Path) -> None:
    executable(checkout / ".venv" / "bin" / "python")
    (checkout / "comfy" / "cli_args.py").write_text('parser.add_argument("--disable-assets", action="store_true")')
    assert "--disable-assets" in command(tmp_path, comfyui_folder=checkout).argv


@pytest.mark.parametrize("where", ["ComfyUI/.venv", ".venv", "venv"])
def test_a_workspace_is_resolved_to_its_folder_and_python(checkout: Path, tmp_path: Path, where: str) -> None:
    python = executable(tmp_path / where / "bin" / "python")
    engine = command(tmp_path, comfyui_workspace=tmp_path)
    assert (engine.cwd, engine.argv[0]) == (checkout, str(python))


def test_a_workspace_may_be_the_comfyui_folder_itself(checkout: Path, tmp_path: Path) -> None:
    executable(checkout / ".venv" / "bin" / "python")
    assert command(tmp_path, comfyui_workspace=checkout).cwd == checkout


def test_a_folder_that_is_no_comfyui_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"is not a ComfyUI folder: it lacks main\.py or comfy/"):
        command(tmp_path, comfyui_folder=tmp_path / "nowhere")


def test_a_python_that_cannot_be_run_is_refused(checkout: Path, tmp_path: Path) -> None:
    (tmp_path / "python").touch(mode=0o600)
    with pytest.raises(SetupError, match=r"comfyui_python is .* which cannot be run"):
        command(tmp_path, comfyui_folder=checkout, comfyui_python=tmp_path / "python")


def test_a_checkout_without_any_python_is_refused(checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "PATH", "")
    with pytest.raises(SetupError, match="set comfyui_python"):
        command(tmp_path, comfyui_folder=checkout)


def test_a_workspace_without_comfyui_or_without_python_is_refused(checkout: Path, tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"has no \.venv"):
        command(tmp_path, comfyui_workspace=checkout)
    with pytest.raises(SetupError, match="is not a comfy-cli workspace"):
        command(tmp_path, comfyui_workspace=tmp_path / "elsewhere")


def test_two_engines_or_half_an_engine_are_refused(checkout: Path, tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="set only one of them"):
        command(tmp_path, comfyui_folder=checkout, comfyui_workspace=tmp_path)
    with pytest.raises(SetupError, match="brings its own Python"):
        command(tmp_path, comfyui_workspace=tmp_path, comfyui_python=sys.executable)
    with pytest.raises(SetupError, match="no ComfyUI to run with it"):
        command(tmp_path, comfyui_python=sys.executable)


@pytest.mark.parametrize("argument", ["--listen", "--listen=0.0.0.0", "--port", "--host"])
def test_an_engine_cannot_be_opened_to_the_network_by_an_argument(checkout: Path, tmp_path: Path, argument: str) -> None:
    with pytest.raises(SetupError, match="listens on this computer only"):
        command(tmp_path, comfyui_folder=checkout, engine_args=[argument])
    with pytest.raises(SetupError, match="practice_args may not hold"):
        command(tmp_path, practice_args=[argument])


def test_a_comfyui_that_serves_one_artist_at_a_time_keeps_her_files_apart_and_only_those_are_wiped(
    checkout: Path, tmp_path: Path
) -> None:
    executable(checkout / "venv/bin/python")
    mine = {"comfyui_folder": checkout, "engine_args": "--output-directory /srv/pictures"}
    engine = command(tmp_path, **mine, isolation="per_artist")
    place = tmp_path / "engine"
    told = ("--input-directory", place / "input", "--output-directory", place / "output", "--temp-directory", place)
    assert engine.argv[-6:] == tuple(map(str, told)), "the last of two wins"
    assert engine.wiped == (place / "input", place / "output", place / "temp")
    assert command(tmp_path, **mine).wiped == (), "her own folders are nobody's to wipe"


def test_the_practice_engines_own_folders_can_be_wiped(tmp_path: Path) -> None:
    assert command(tmp_path).wiped == tuple(tmp_path / "engine" / name for name in ("input", "output", "temp"))

"""`wakebrush-engine wipe`: nothing of the last artist is left, the engine runs again, and the agent is told what came of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cloud_image.engine.cli import main
from cloud_image.engine.wipe import FOLDERS, empty, wipe
from cloud_image.errors import MachineError
from cloud_image.paths import Paths


class Systemd:
    """Notes what it is told, and what lies there when the engine is started."""

    def __init__(self, paths: Paths, *, refuses: str = "") -> None:
        self.paths = paths
        self.told: list[tuple[str, ...]] = []
        self.left_at_start: list[str] = []
        self._refuses = refuses

    def __call__(self, *words: str) -> None:
        self.told.append(words)
        if words[0] == self._refuses:
            raise MachineError("Job for comfyui.service canceled.")
        if words[0] == "start":
            self.left_at_start = left(self.paths)


def left(paths: Paths) -> list[str]:
    return sorted(str(path.relative_to(paths.engine_data)) for name in FOLDERS for path in (paths.engine_data / name).rglob("*"))


def answer(paths: Paths) -> dict[str, Any]:
    return dict(json.loads(paths.wiped.read_text(encoding="utf-8")))


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    """A machine with her files, and an order to wipe it."""
    paths = Paths(tmp_path)
    paths.wiped.parent.mkdir(parents=True)
    paths.wipe_order.parent.mkdir(parents=True)
    for name in (*FOLDERS, "user"):
        (paths.engine_data / name / "wakebrush").mkdir(parents=True)
        (paths.engine_data / name / "wakebrush/hers.png").write_bytes(b"hers")
        (paths.engine_data / name / ".hidden").touch()
    paths.wipe_order.write_text(json.dumps({"order": "h1", "at": 1.0}), encoding="utf-8")
    return paths


def test_the_engine_ends_before_its_folders_are_emptied_and_starts_when_nothing_is_left(paths: Paths) -> None:
    systemd = Systemd(paths)
    assert wipe(paths, systemd)
    assert systemd.told == [("stop", "comfyui.service"), ("start", "--no-block", "comfyui.service")]
    assert systemd.left_at_start == left(paths) == []
    assert answer(paths) == {"order": "h1", "sentence": ""} and not paths.wipe_order.exists()
    assert all((paths.engine_data / name).is_dir() for name in FOLDERS)


def test_the_engines_own_settings_stay(paths: Paths) -> None:
    wipe(paths, Systemd(paths))
    assert (paths.engine_data / "user/wakebrush/hers.png").exists()


def test_without_an_order_nothing_happens(paths: Paths) -> None:
    paths.wipe_order.unlink()
    systemd = Systemd(paths)
    assert wipe(paths, systemd) and systemd.told == [] and len(left(paths)) == 9


def test_an_engine_that_does_not_end_keeps_its_files_and_the_agent_hears_why(paths: Paths) -> None:
    systemd = Systemd(paths, refuses="stop")
    assert not wipe(paths, systemd)
    assert len(left(paths)) == 9 and "could not be wiped" in answer(paths)["sentence"]
    assert systemd.told[-1][0] == "start" and not paths.wipe_order.exists()


def test_a_folder_that_cannot_be_emptied_is_told_and_the_engine_goes_on(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted", "hers.png")

    monkeypatch.setattr("shutil.rmtree", refuse)
    systemd = Systemd(paths)
    assert not wipe(paths, systemd)
    assert "not permitted" in answer(paths)["sentence"] and systemd.told[-1][0] == "start"


def test_links_of_the_engine_lead_nowhere(paths: Paths, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "precious").touch()
    (paths.engine_data / "output/way-out").symlink_to(other)
    (paths.engine_data / "output/wakebrush/deeper").symlink_to(other)
    (paths.engine_data / "temp/wakebrush/hers.png").unlink()
    wipe(paths, Systemd(paths))
    assert (other / "precious").exists() and left(paths) == []


def test_a_folder_that_the_engine_has_made_a_link_goes_and_what_it_leads_to_stays(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models/weights").touch()
    (tmp_path / "output").symlink_to(tmp_path / "models")
    empty(tmp_path / "output")
    assert (tmp_path / "models/weights").exists() and not (tmp_path / "output").exists()


@pytest.mark.parametrize("order", ["[]", "{}", "nonsense"])
def test_an_order_that_cannot_be_read_is_no_order_and_is_told(
    paths: Paths, order: str, capsys: pytest.CaptureFixture[str]
) -> None:
    paths.wipe_order.write_text(order, encoding="utf-8")
    assert main(["--root", str(paths.root), "wipe"]) == 1
    assert "The machine cannot be wiped" in capsys.readouterr().err
    assert len(left(paths)) == 9 and not paths.wipe_order.exists()

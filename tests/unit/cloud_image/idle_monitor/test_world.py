"""systemctl and the cloud's helper, as small scripts."""

from __future__ import annotations

from pathlib import Path

import pytest

from cloud_image.errors import CloudError, MachineError
from cloud_image.idle_monitor.world import SystemWorld


def script(folder: Path, name: str, body: str) -> str:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return str(path)


def world(folder: Path, body: str, seconds: float = 10.0) -> SystemWorld:
    return SystemWorld(systemctl=script(folder, "systemctl", body), helper=[script(folder, "cloud", body)], seconds=seconds)


def test_every_way_to_stop_is_its_command(tmp_path: Path) -> None:
    here = world(tmp_path, f'echo "$(basename $0) $*" >> {tmp_path}/calls')
    here.power_off()
    here.stop_from_outside()
    here.power_off_at_once()
    assert (tmp_path / "calls").read_text().splitlines() == ["systemctl poweroff", "cloud stop", "systemctl poweroff --force"]


def test_a_command_that_fails_says_what_it_said(tmp_path: Path) -> None:
    with pytest.raises(MachineError, match=r"poweroff ended with 1: no bus"):
        world(tmp_path, "echo no bus >&2; exit 1").power_off()


def test_a_command_that_hangs_is_given_up(tmp_path: Path) -> None:
    with pytest.raises(CloudError, match=r"did not end within 0\.1 s"):
        world(tmp_path, "exec sleep 30", seconds=0.1).stop_from_outside()


def test_a_command_that_is_not_there_is_said(tmp_path: Path) -> None:
    here = SystemWorld(systemctl=str(tmp_path / "none"), helper=[str(tmp_path / "nobody")])
    with pytest.raises(MachineError, match="cannot be run"):
        here.power_off()
    assert "cannot be run" in here.report(True).finish()
    assert not here.stopping()


@pytest.mark.parametrize(("state", "stopping"), [("stopping", True), ("running", False), ("degraded", False)])
def test_a_machine_that_stops_is_known_by_systemd(tmp_path: Path, state: str, stopping: bool) -> None:
    assert world(tmp_path, f"echo {state}; exit 1").stopping() is stopping


def test_a_report_is_on_its_way_while_something_else_is_done(tmp_path: Path) -> None:
    here = world(tmp_path, f'echo "$*" >> {tmp_path}/calls')
    first, second = here.report(True), here.report(False)
    assert first.finish() == "" == second.finish()
    assert sorted((tmp_path / "calls").read_text().splitlines()) == ["busy 0", "busy 1"]


def test_a_report_that_fails_or_hangs_is_a_sentence(tmp_path: Path) -> None:
    assert "throttled" in world(tmp_path, "echo throttled >&2; exit 75").report(True).finish()
    assert "in time" in world(tmp_path, "exec sleep 30", seconds=0.1).report(True).finish()

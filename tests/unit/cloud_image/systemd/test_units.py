"""The machine's units: systemd itself finds nothing to say about them, and they hold what the machine's promises need."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloud_image.settings import IdleSettings

FOLDER = Path(__file__).resolve().parents[4] / "cloud_image/systemd"
UNITS = sorted(path.name for path in FOLDER.iterdir() if path.suffix in (".service", ".timer", ".path"))
SERVICES = [name for name in UNITS if name.endswith(".service")]
#: `systemd-analyze security` in tenths: better than 4.0.
EXPOSURE = "39"


def lines(name: str, key: str) -> list[str]:
    """The values of a key, one a line it is on."""
    return re.findall(rf"^{key}=(.*)$", (FOLDER / name).read_text(encoding="utf-8"), re.MULTILINE)


def words(name: str, *keys: str) -> set[str]:
    return {word for key in keys for line in lines(name, key) for word in line.split()}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A machine's root, as far as units are read in it: the distribution's units, ours, and the programs that they name."""
    root = tmp_path_factory.mktemp("root")
    shutil.copytree("/usr/lib/systemd/system", root / "usr/lib/systemd/system", symlinks=True)
    shutil.copytree(FOLDER, root / "etc/systemd/system")
    for name in SERVICES:
        for key in ("ExecStart", "ExecStartPre", "ExecStopPost", "ExecReload"):
            for command in lines(name, key):
                program = root / command.split()[0].lstrip("+-!@:/")
                program.parent.mkdir(parents=True, exist_ok=True)
                program.write_text("#!/bin/sh\n", encoding="utf-8")
                program.chmod(0o755)
    yield root


def analyze(*arguments: str) -> tuple[int, str]:
    done = subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("name", UNITS)
def test_systemd_has_nothing_to_say_about_a_unit(root: Path, name: str) -> None:
    assert analyze("verify", f"--root={root}", name) == (0, "")


def test_a_mistake_in_a_unit_would_be_noticed(root: Path) -> None:
    (root / "etc/systemd/system/mistaken.service").write_text(
        "[Service]\nExecStart=/usr/bin/missing\nColour=red\n", encoding="utf-8"
    )
    _, said = analyze("verify", f"--root={root}", "mistaken.service")
    assert "Colour" in said and "not executable" in said


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_hardened(root: Path, name: str) -> None:
    status, said = analyze("security", "--offline=true", f"--root={root}", f"--threshold={EXPOSURE}", "--no-pager", name)
    assert status == 0, said


def test_the_engine_waits_for_neither_network_nor_guard() -> None:
    waited_for = words("comfyui.service", "After", "Requires", "Wants", "BindsTo")
    assert waited_for == {"wakebrush-shield.service", "wakebrush-disks.service", "wakebrush-gpu.service"}
    for name in waited_for:
        early = words(name, "After", "Requires", "Wants")
        assert not [unit for unit in early if "network" in unit or "online" in unit or "guard" in unit], name
        assert lines(name, "DefaultDependencies") == ["no"]


def test_without_the_shield_the_engine_does_not_start() -> None:
    assert "wakebrush-shield.service" in words("comfyui.service", "Requires") & words("comfyui.service", "After")
    shield = (FOLDER / "shield.nft").read_text(encoding="utf-8")
    (user,) = lines("comfyui.service", "User")
    rules = [line for line in shield.splitlines() if "reject" in line]
    assert rules and all(f'meta skuid "{user}"' in rule for rule in rules)
    assert "169.254.169.254" in shield and "fd00:ec2::254" in shield
    assert lines("wakebrush-shield.service", "ExecStopPost")[0].endswith("wakebrush-engine ended"), "the agent hears of it"


def test_nothing_gives_up_for_ever() -> None:
    """A start limit of systemd would leave the machine without that part until somebody looks."""
    lasting = [
        name
        for name in SERVICES
        if lines(name, "Restart") or name in ("wakebrush-idle.service", "wakebrush-stop.service", "wakebrush-wipe.service")
    ]
    assert {"comfyui.service", "wakebrush-agent.service", "wakebrush-guard.service", "wakebrush-guard-setup.service"} <= set(
        lasting
    )
    assert [name for name in lasting if lines(name, "StartLimitIntervalSec") != ["0"]] == []


def test_when_memory_runs_out_the_engine_goes_first_and_the_monitor_last() -> None:
    scores = {name: int(score) for name in SERVICES for score in lines(name, "OOMScoreAdjust")}
    assert max(scores, key=lambda name: scores[name]) == "comfyui.service"
    assert scores["wakebrush-idle.service"] == scores["wakebrush-stop.service"] == min(scores.values())
    assert lines("comfyui.service", "OOMPolicy") == ["stop"]


def test_how_the_engine_ended_is_noted_by_root() -> None:
    (noted,) = lines("comfyui.service", "ExecStopPost")
    assert noted.startswith("+") and noted.endswith("wakebrush-engine ended")


def test_the_monitor_needs_neither_agent_nor_network_and_lives_on_while_the_machine_goes_down() -> None:
    for name in ("wakebrush-idle.service", "wakebrush-stop.service"):
        assert words(name, "After", "Requires", "Wants", "BindsTo") == {"sysinit.target"}
        assert lines(name, "DefaultDependencies") == ["no"]
        assert "shutdown.target" not in words(name, "Conflicts", "Before")
        assert "CAP_SYS_BOOT" in words(name, "CapabilityBoundingSet")


def test_the_monitor_watches_without_a_break_and_is_not_ended_while_it_watches() -> None:
    assert lines("wakebrush-idle.timer", "OnUnitInactiveSec") == ["1s"]
    assert lines("wakebrush-idle.timer", "OnCalendar") == []
    (deadline,) = lines("wakebrush-idle.service", "TimeoutStartSec")
    assert deadline == "15min" and IdleSettings().period_seconds < 15 * 60 / 2


def test_a_unit_that_will_not_end_does_not_keep_the_machine_awake() -> None:
    unending = [name for name in SERVICES if "wakebrush" in name and lines(name, "Type")[0] not in ("oneshot",)]
    assert [name for name in [*unending, "comfyui.service"] if not lines(name, "TimeoutStopSec")] == []
    text = (FOLDER / "poweroff.target.d/wakebrush.conf").read_text(encoding="utf-8")
    assert "JobTimeoutSec=90s" in text and "JobTimeoutAction=poweroff-force" in text


def test_the_agent_is_watched() -> None:
    assert (lines("wakebrush-agent.service", "Type"), lines("wakebrush-agent.service", "WatchdogSec")) == (["notify"], ["30"])
    assert lines("wakebrush-agent.service", "Restart") == ["always"]


def test_whoever_is_reached_from_outside_has_none_of_roots_rights() -> None:
    """Each of these is its own user, without any of root's rights."""
    for name in ("comfyui.service", "wakebrush-agent.service"):
        assert lines(name, "CapabilityBoundingSet") == [""]
    assert words("wakebrush-guard.service", "CapabilityBoundingSet") == {"CAP_NET_BIND_SERVICE"}


def test_the_engine_sees_nothing_of_guard_agent_and_door() -> None:
    hidden = words("comfyui.service", "InaccessiblePaths")
    assert hidden == {
        "/run/wakebrush/agent",
        "/run/wakebrush/door",
        "/run/wakebrush/guard",
        "/var/lib/wakebrush/agent",
        "/var/lib/wakebrush/guard",
    }
    tmpfiles = (FOLDER / "tmpfiles.conf").read_text(encoding="utf-8")
    for path in hidden:
        (line,) = [line.split() for line in tmpfiles.splitlines() if line.startswith(f"d {path} ")]
        assert line[2][-1] == "0" and "comfyui" not in line, "hidden for the engine by its owner too"


def test_the_engines_user_is_in_no_group_but_its_own() -> None:
    users = (FOLDER / "sysusers.conf").read_text(encoding="utf-8")
    assert re.findall(r"^m comfyui .*$", users, re.MULTILINE) == []
    known = set(re.findall(r"^[ug] (\S+)", users, re.MULTILINE)) | {"root", "systemd-journal"}
    tmpfiles = re.findall(r"^d \S+ +\d+ +(\S+) +(\S+)", (FOLDER / "tmpfiles.conf").read_text(encoding="utf-8"), re.MULTILINE)
    assert tmpfiles and {name for pair in tmpfiles for name in pair} <= known
    assert {name for unit in SERVICES for name in words(unit, "User", "Group")} <= known


def test_who_wipes_the_machine_may_reach_its_files_and_systemd_and_nothing_else() -> None:
    unit = "wakebrush-wipe.service"
    assert words(unit, "CapabilityBoundingSet") == {"CAP_DAC_OVERRIDE", "CAP_FOWNER"}
    assert words(unit, "ReadWritePaths") == {"/run/wakebrush", "/var/lib/comfyui"}
    assert (lines(unit, "RestrictAddressFamilies"), lines(unit, "PrivateNetwork")) == (["AF_UNIX"], ["yes"])
    assert (lines(unit, "User"), lines(unit, "ProtectSystem")) == ([], ["strict"])


def test_every_unit_is_started_by_something() -> None:
    started_otherwise = {
        "wakebrush-idle.service": "wakebrush-idle.timer",
        "wakebrush-stop.service": "wakebrush-stop.path",
        "wakebrush-wipe.service": "wakebrush-wipe.path",
    }
    asleep = [name for name in UNITS if not lines(name, "WantedBy")]
    assert {name: name.replace(".service", "") for name in asleep} == {
        name: trigger.rsplit(".", 1)[0] for name, trigger in started_otherwise.items()
    }

"""Looked at from inside a machine that runs: who reaches what, how it booted, what its units are worth."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.image.lab.boot import boot_share
from tests.image.lab.building import Build
from tests.image.lab.machine import Machine
from tests.image.lab.metadata import ADDRESS
from tests.image.lab.scene import Scene
from tests.image.lab.sources import ROOT
from tests.image.lab.workplace import Workplace

TOKEN = "a token that nobody guesses"
#: The user that ComfyUI and every node pack run as.
ENGINE = "comfyui"
#: Our units add at most so much before the engine's process starts (seconds), on a computer that does nothing else.
BOOT_SHARE_SECONDS = 2.0
#: The worst that `systemd-analyze security` may say of a unit of ours, in tenths.
EXPOSURE = 40
#: What its own process tries to reach.
FORBIDDEN = [
    f"http://{ADDRESS}/latest/api/token",
    "/run/wakebrush/agent/agent.sock",
    "/run/wakebrush/guard/prompt.sock",
    "/run/wakebrush/guard/token.conf",
    "/run/wakebrush/door",
    "/var/lib/wakebrush/guard",
    "/var/lib/wakebrush/guard/guard.pem",
    "/var/lib/wakebrush/agent",
]
OWN_FOLDER = "/var/lib/comfyui/input"
_CONNECT = "import socket, sys; s = socket.socket(socket.AF_UNIX); s.settimeout(3); s.connect(sys.argv[1])"
_TAKE = """
import sys, urllib.request
headers = {"X-aws-ec2-metadata-token-ttl-seconds": "60"}
ask = urllib.request.Request(sys.argv[1] + "/latest/api/token", method="PUT", headers=headers)
print(urllib.request.urlopen(ask, timeout=3).read().decode())
"""


@pytest.fixture(scope="module")
def awake(workplace: Workplace, image: Build, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """A machine that somebody has started and that stays up; no service knows of it."""
    studio = Scene(workplace.account, "inside", tmp_path_factory.mktemp("inside"), serve=False)
    studio.set_up(seconds=3600)
    studio.imitate(reach=[*FORBIDDEN, OWN_FOLDER])
    studio.write_token(TOKEN)
    studio.let_in()
    studio.power_on()
    studio.until(lambda: studio.machine.on, 30, "the machine being on")
    studio.machine.container.until_booted()
    yield studio
    studio.close()


@pytest.fixture
def machine(awake: Scene) -> Machine:
    return awake.machine


def python(machine: Machine, code: str, *arguments: str, user: str | None) -> subprocess.CompletedProcess[str]:
    """Runs a few lines inside, as a user."""
    return machine.container.result("/usr/bin/python3", "-c", code, *arguments, user=user)


def test_everything_that_is_ours_is_up_and_nothing_has_failed(machine: Machine) -> None:
    units = ["comfyui.service", "wakebrush-agent.service", "wakebrush-guard.service", "wakebrush-shield.service"]
    assert (
        machine.run(
            "systemctl", "is-active", *units, "wakebrush-idle.timer", "wakebrush-stop.path", "wakebrush-wipe.path"
        ).split()
        == ["active"] * 7
    )
    failed = machine.run("systemctl", "list-units", "--failed", "--plain", "--no-legend", "comfyui*", "wakebrush-*")
    assert failed.strip() == ""


def test_only_the_guard_listens_to_the_world(machine: Machine) -> None:
    listening = [line.split()[3] for line in machine.run("ss", "-Hltn").splitlines()]
    outside = {place.rsplit(":", 1)[1] for place in listening if not place.startswith(("127.", "[::1]", ADDRESS))}
    assert outside == {"8443", "22"}, "and SSH, which the security group keeps closed"


@pytest.mark.parametrize("user", [ENGINE])
def test_the_engines_user_gets_nothing_from_the_clouds_metadata(machine: Machine, user: str) -> None:
    assert python(machine, _TAKE, f"http://{ADDRESS}", user=None).returncode == 0, "it is there"
    refused = python(machine, _TAKE, f"http://{ADDRESS}", user=user)
    assert refused.returncode != 0
    assert "refused" in refused.stderr.lower() or "unreachable" in refused.stderr.lower()


def test_the_engines_own_process_reaches_neither_metadata_nor_agent_nor_guard(machine: Machine) -> None:
    reached = json.loads(machine.run("cat", "/var/lib/comfyui/user/reached.json"))
    assert reached.pop(OWN_FOLDER) == "reached", "it has tried in earnest"
    assert set(reached) == set(FORBIDDEN)
    assert {place: how for place, how in reached.items() if how not in ("PermissionError", "ConnectionRefusedError")} == {}


@pytest.mark.parametrize(
    "place", ["/run/wakebrush/agent/agent.sock", "/run/wakebrush/guard/prompt.sock", "/run/wakebrush/guard/upload.sock"]
)
def test_the_engines_user_cannot_speak_with_agent_or_guard_behind_the_door(machine: Machine, place: str) -> None:
    assert python(machine, _CONNECT, place, user=None).returncode == 0, "it is there"
    refused = python(machine, _CONNECT, place, user=ENGINE)
    assert (refused.returncode != 0, "PermissionError" in refused.stderr) == (True, True)


@pytest.mark.parametrize(
    "folder",
    [
        "/var/lib/wakebrush/guard",
        "/run/wakebrush/guard",
        "/run/wakebrush/agent",
        "/var/lib/wakebrush/agent",
        "/run/wakebrush/door",
    ],
)
def test_the_engines_user_cannot_look_into_what_is_the_guards_or_the_agents(machine: Machine, folder: str) -> None:
    assert machine.container.result("ls", folder).returncode == 0, "it is there"
    assert machine.container.result("ls", folder, user=ENGINE).returncode != 0
    assert machine.container.result("touch", f"{folder}/mine", user=ENGINE).returncode != 0


@pytest.mark.parametrize("user", [ENGINE, None])
def test_no_file_on_the_machine_holds_its_token_in_the_clear(machine: Machine, user: str | None) -> None:
    # In two pieces, because the command itself can be read in a file.
    search = 'grep -rlF --devices=skip "$1$2" /etc /run /var /tmp /opt/comfyui/app /opt/wakebrush'
    found = machine.container.result("bash", "-c", search, "bash", TOKEN[:9], TOKEN[9:], user=user, seconds=120)
    assert (found.stdout, found.returncode != 0) == ("", True)


def test_our_units_are_without_a_flaw_that_systemd_would_overlook(machine: Machine) -> None:
    ours = machine.run("bash", "-c", "ls /etc/systemd/system/comfyui.service /etc/systemd/system/wakebrush-*.*").split()
    verified = machine.container.result("systemd-analyze", "verify", *ours)
    assert (verified.returncode, verified.stdout, verified.stderr) == (0, "", "")


def test_none_of_our_units_is_more_exposed_than_it_may_be(machine: Machine) -> None:
    ours = machine.run("bash", "-c", "cd /etc/systemd/system && ls comfyui.service wakebrush-*.service").split()
    assert len(ours) >= 8
    for unit in ours:
        found = machine.container.result("systemd-analyze", "security", "--no-pager", f"--threshold={EXPOSURE}", unit)
        assert found.returncode == 0, found.stdout.splitlines()[-1]


def test_the_image_brings_no_key_and_no_identity_of_another_machine(workplace: Workplace, image: Build) -> None:
    files = workplace.account.fleet.images[image.ami].folders[0]
    assert not [path for path in (files / "var/lib/wakebrush/guard").glob("*")]
    assert (files / "etc/machine-id").read_text(encoding="utf-8") == ""
    assert not (files / "tmp/wakebrush").exists()
    assert not (files / "home/ubuntu/.ssh/authorized_keys").exists() or "packer" not in (
        files / "home/ubuntu/.ssh/authorized_keys"
    ).read_text(encoding="utf-8")


def test_the_engine_starts_soon_after_the_system_has(machine: Machine) -> None:
    assert boot_share(machine) <= BOOT_SHARE_SECONDS * slowness()


def slowness() -> float:
    """How much slower everything is because others work on this computer too: no promise is about that."""
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


def test_the_agent_on_the_machine_keeps_the_contract_of_every_agent(awake: Scene, machine: Machine) -> None:
    fingerprint = awake.tags()["guard-fingerprint"]
    address = {"AGENT_URL": f"https://{machine.address}:8443", "AGENT_TOKEN": TOKEN, "AGENT_FINGERPRINT": fingerprint}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/contract/agent", "-k", "address"]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=os.environ | address,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, f"{done.stdout[-6000:]}{awake.journals()}"

"""`wakebrush-cloud` as others call it: exit statuses, sentences, and whole calls over HTTP with the machine's own credentials."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cloud_image.cloud.cli import main
from cloud_image.cloud.whose import known_identity
from cloud_image.metadata import Identity
from cloud_image.paths import Paths
from cloud_image.settings import Settings
from tests.aws.cloud.server import Server
from tests.support.metadata import StandIn, State
from tests.unit.cloud_image.cloud.conftest import Machine
from wake_service.aws import tags


def test_identity_is_printed_and_written_down_for_others(
    root: Path, metadata: StandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--root", str(root), "identity"]) == 0
    printed = Identity.of_json(capsys.readouterr().out)
    assert printed == Identity("i-0a1b", "us-east-1", "g5.xlarge", "studio", "default", spot=False, account="123456789012")
    assert Identity.of_json(Paths(root).identity.read_text(encoding="utf-8")) == printed
    metadata.calls.clear()
    assert known_identity(Settings(), Paths(root)) == printed and metadata.calls == []


def test_what_was_not_written_down_or_is_damaged_is_asked_for(root: Path, metadata: StandIn) -> None:
    assert known_identity(Settings(), Paths(root)).machine == "i-0a1b"
    Paths(root).identity.write_text("{", encoding="utf-8")
    assert known_identity(Settings(), Paths(root)).machine == "i-0a1b"


def test_a_metadata_service_that_is_late_is_worth_another_try(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:1")
    assert main(["--root", str(root), "identity"]) == 75
    assert "does not answer" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["busy", "2"], ["publish-fingerprint", "ab"], ["renew-lease", "soon"], ["dance"], []])
def test_nonsense_is_refused(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        main(arguments)
    assert refused.value.code == 2


def test_settings_that_cannot_be_used_are_for_a_person(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = Paths(root).settings
    settings.parent.mkdir(parents=True)
    settings.write_text("cloud = 'moon'", encoding="utf-8")
    assert main(["--root", str(root), "busy", "1"]) == 1
    assert "cloud is ec2 or none" in capsys.readouterr().err


def test_without_a_cloud_nothing_is_called(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = Paths(root).settings
    settings.parent.mkdir(parents=True)
    settings.write_text('cloud = "none"\n[guard]\ntoken_file = "/missing"\n', encoding="utf-8")
    for arguments in (["busy", "1"], ["renew-lease", "1795600000"], ["publish-fingerprint", "ab" * 32], ["stop"], ["identity"]):
        assert main(["--root", str(root), *arguments]) == 0
    assert main(["--root", str(root), "guard-token"]) == 75
    assert "lets nobody in" in capsys.readouterr().err
    assert json.loads(Paths(root).identity.read_text(encoding="utf-8"))["region"] == ""


async def test_the_whole_way_with_the_credentials_of_the_role(
    root: Path, machine: Machine, state: State, metadata: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    state.machine, state.tags = machine.identity.machine, {"wakebrush": machine.identity.deployment}
    machine.write_token("the-token-of-this-wake")
    server = Server(machine.cloud)
    monkeypatch.setenv("AWS_ENDPOINT_URL", await server.start())
    try:
        assert await command(root, "guard-token") == (0, "the-token-of-this-wake\n", "")
        assert await command(root, "publish-fingerprint", "ab" * 32) == (0, "", "")
        machine.write_token(" ")
        status, _, sentence = await command(root, "guard-token")
    finally:
        await server.stop()
    assert machine.cloud.tags(state.machine)[tags.FINGERPRINT] == "ab" * 32
    assert status == 75 and sentence.endswith("is empty, so the guard lets nobody in.\n")
    assert "/latest/meta-data/iam/security-credentials/wakebrush-machine" in [path for _, path in metadata.calls]


async def command(root: Path, *arguments: str) -> tuple[int, str, str]:
    """A process of its own, as agent and monitor start it."""
    line = [sys.executable, "-m", "cloud_image.cloud.cli", "--root", str(root), *arguments]
    done = await asyncio.to_thread(subprocess.run, line, capture_output=True, text=True, timeout=60, env=dict(os.environ))
    return done.returncode, done.stdout, done.stderr


def test_nothing_but_a_call_loads_the_clouds_library(root: Path) -> None:
    """Whoever only wants to know who it is should not wait for it."""
    script = "import sys; import cloud_image.cloud.cli, cloud_image.guard.cli; sys.exit('boto3' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], timeout=60, check=False).returncode == 0

"""Making the guard ready: each part is tried until it works, and neither waits for the other."""

from __future__ import annotations

import base64
import hashlib
import logging
import re
import socket
import threading
from pathlib import Path

import pytest

from cloud_image.errors import CloudError, MachineError, MetadataError
from cloud_image.guard.cli import main, tell_ready
from cloud_image.guard.configuration import engine_conf, server_conf, token_conf
from cloud_image.guard.setup import LONGEST_PAUSE, World, prepare
from cloud_image.metadata import Identity
from cloud_image.paths import Paths
from cloud_image.settings import EngineSettings, GuardSettings, Settings

TOKEN = "tB0k-q1Zx_Mn4s7vQyR2hUeXwL9dCfGjKaPiOoZzYyX"
IDENTITY = Identity("i-0a1b", "us-east-1", "g5.xlarge", "studio", "default", spot=False)


class Cloud:
    """A cloud whose calls fail as often as they are told to."""

    def __init__(self) -> None:
        self.token_failures = 0
        self.publish_failures = 0
        self.published: list[str] = []
        self.token_given = threading.Event()
        #: Publishing waits for this.
        self.may_publish = threading.Event()
        self.may_publish.set()
        #: The token waits for this.
        self.may_tell = threading.Event()
        self.may_tell.set()

    def guard_token(self) -> str:
        assert self.may_tell.wait(10)
        if self.token_failures:
            self.token_failures -= 1
            raise CloudError("AWS did not answer.", passing=True)
        self.token_given.set()
        return TOKEN

    def publish_fingerprint(self, fingerprint: str) -> None:
        assert self.may_publish.wait(10)
        if self.publish_failures:
            self.publish_failures -= 1
            raise CloudError("AWS does not let this machine say which certificate it shows.")
        self.published.append(fingerprint)
        self.may_tell.set()

    def renew_lease(self, until: float) -> None:
        raise AssertionError("not the guard's business")

    def busy(self, busy: bool) -> None:
        raise AssertionError("not the guard's business")

    def stop(self) -> None:
        raise AssertionError("not the guard's business")


class Stage:
    """Everything outside of the set-up."""

    def __init__(self, root: Path) -> None:
        self.paths = Paths(root)
        self.cloud = Cloud()
        self.identity_failures = 0
        self.pauses: list[float] = []
        self.ready = threading.Event()
        for folder in (self.paths.activity_log.parent, self.paths.guard):
            folder.mkdir(parents=True)

    def learn(self) -> Identity:
        if self.identity_failures:
            self.identity_failures -= 1
            raise MetadataError("The metadata service does not answer: no route")
        return IDENTITY

    def prepare(self, settings: Settings | None = None) -> None:
        world = World(self.learn, lambda _: self.cloud, self.ready.set, self.pauses.append)
        prepare(settings or Settings(), self.paths, world)

    def conf(self, name: str) -> Path:
        return self.paths.activity_log.with_name(name)


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def test_the_guard_can_start_and_the_service_knows_its_certificate(stage: Stage) -> None:
    stage.prepare()
    (file,) = stage.paths.guard.iterdir()
    assert stage.ready.is_set() and len(stage.cloud.published) == 1
    assert str(file) in stage.conf("server.conf").read_text(encoding="utf-8")
    assert stage.conf("token.conf").stat().st_mode & 0o777 == 0o640


def test_the_guard_does_not_wait_until_its_certificate_is_known(stage: Stage) -> None:
    stage.cloud.may_publish.clear()
    preparing = threading.Thread(target=stage.prepare)
    preparing.start()
    try:
        assert stage.ready.wait(10)
        assert stage.cloud.published == [] and preparing.is_alive()
    finally:
        stage.cloud.may_publish.set()
        preparing.join(10)
    assert len(stage.cloud.published) == 1


def test_a_late_token_does_not_keep_the_certificate_from_being_known(stage: Stage) -> None:
    stage.cloud.may_tell.clear()
    stage.cloud.token_failures = 3
    stage.prepare()
    assert stage.ready.is_set() and len(stage.cloud.published) == 1 and len(stage.pauses) == 3


def test_everything_is_tried_for_ever_with_growing_pauses(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    stage.identity_failures, stage.cloud.publish_failures = 30, 40
    with caplog.at_level(logging.WARNING):
        stage.prepare()
    assert stage.ready.is_set() and len(stage.cloud.published) == 1
    assert stage.pauses[:30] == sorted(stage.pauses[:30]) and max(stage.pauses) == LONGEST_PAUSE
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 2, "the same trouble is told once"
    assert all(sentence.endswith("Trying again.") for sentence in said)


def test_what_can_not_be_prepared_is_an_error(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage.cloud, "guard_token", lambda: "short")
    with pytest.raises(MachineError, match="lets nobody in"):
        stage.prepare()
    assert not stage.ready.is_set()


def test_the_settings_of_port_and_size_reach_nginx(stage: Stage) -> None:
    stage.prepare(Settings(guard=GuardSettings(port=443, max_upload_mib=7), engine=EngineSettings(port=9000)))
    server = stage.conf("server.conf").read_text(encoding="utf-8")
    assert "listen 443 ssl" in server and "client_max_body_size 7m;" in server and '"7 MiB"' in server
    assert stage.conf("engine.conf").read_text(encoding="utf-8") == engine_conf(9000)


def test_no_configuration_holds_the_token(stage: Stage) -> None:
    stage.prepare()
    assert not [path for path in stage.paths.root.rglob("*") if path.is_file() and TOKEN in path.read_text(encoding="utf-8")]


def test_every_boot_has_a_salt_of_its_own(stage: Stage) -> None:
    stage.prepare()
    first = stage.conf("token.conf").read_text(encoding="utf-8")
    stage.prepare()
    assert stage.conf("token.conf").read_text(encoding="utf-8") != first


def test_the_token_is_kept_as_a_salted_hash_in_the_form_that_nginx_compares() -> None:
    text = token_conf(TOKEN, "ab" * 32)
    (digest,) = re.findall(r'\$token_digest { default "(.+?)"; }', text)
    assert base64.urlsafe_b64decode(digest + "==") == hashlib.md5(("ab" * 32 + TOKEN).encode()).digest()


@pytest.mark.parametrize("token", ["", "short", "x" * 513, "with\nnewline", "ends with space ", "päss wort lang", "\x00" * 20])
def test_a_token_that_no_request_could_present_is_refused(token: str) -> None:
    with pytest.raises(MachineError, match="plain characters"):
        token_conf(token, "ab" * 32)


def test_a_short_salt_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="salt"):
        token_conf(TOKEN, "ab")


def test_the_certificate_is_both_key_and_certificate(tmp_path: Path) -> None:
    text = server_conf(GuardSettings(), tmp_path / "a.pem")
    assert text.count(str(tmp_path / "a.pem")) == 2


def test_systemd_is_told_when_it_asks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    tell_ready()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "n"))
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "n"))
        tell_ready()
        assert listening.recv(100) == b"READY=1"


def test_the_command_prepares_a_machine_without_a_cloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(tmp_path)
    stage.paths.settings.parent.mkdir(parents=True)
    token = tmp_path / "token"
    token.write_text(f"{TOKEN}\n", encoding="utf-8")
    stage.paths.settings.write_text(f'cloud = "none"\n[guard]\ntoken_file = "{token}"\n', encoding="utf-8")
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    assert main(["--root", str(tmp_path)]) == 0
    assert stage.conf("token.conf").exists() and stage.paths.identity.exists()


def test_the_command_says_what_is_wrong_with_the_settings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = Paths(tmp_path).settings
    settings.parent.mkdir(parents=True)
    settings.write_text("cloud = 3", encoding="utf-8")
    assert main(["--root", str(tmp_path)]) == 1
    assert "cloud cannot be 3" in capsys.readouterr().err

"""The certificate that a machine makes for itself."""

from __future__ import annotations

import os
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from cloud_image.errors import MachineError
from cloud_image.guard import certificate

MACHINE = "i-0a1b"


def test_it_is_made_once_and_then_the_same_for_ever(tmp_path: Path) -> None:
    first = certificate.ensure(tmp_path, MACHINE)
    assert certificate.ensure(tmp_path, MACHINE) == first
    text = first.file.read_bytes()
    made = x509.load_pem_x509_certificate(text[text.index(b"-----BEGIN CERT") :])
    assert first.fingerprint == made.fingerprint(hashes.SHA256()).hex()
    assert made.not_valid_after_utc > datetime.now(UTC) + timedelta(days=36_000)


def test_only_the_guard_can_read_the_key(tmp_path: Path) -> None:
    made = certificate.ensure(tmp_path, MACHINE, owner=(os.getuid(), os.getgid()))
    assert made.file.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [made.file]


def test_a_copy_of_the_disk_in_another_machine_gets_one_of_its_own(tmp_path: Path) -> None:
    first = certificate.ensure(tmp_path, MACHINE)
    other = certificate.ensure(tmp_path, "i-0c2d")
    assert other.fingerprint != first.fingerprint


@pytest.mark.parametrize("damage", ["empty", "half", "key of another", "no certificate", "binary", "cut"])
def test_one_that_is_broken_or_half_written_is_made_again(tmp_path: Path, damage: str) -> None:
    good = certificate.ensure(tmp_path, MACHINE)
    text = good.file.read_text(encoding="ascii")
    other = certificate.ensure(tmp_path, "another").file.read_text(encoding="ascii")
    key, cert = text[: text.index("-----BEGIN CERT")], text[text.index("-----BEGIN CERT") :]
    damaged = {
        "empty": "",
        "half": text[: len(text) // 2],
        "key of another": other[: other.index("-----BEGIN CERT")] + cert,
        "no certificate": key,
        "binary": "\x00\x01",
        "cut": text[:-40],
    }[damage]
    good.file.write_text(damaged, encoding="ascii")
    again = certificate.ensure(tmp_path, MACHINE)
    assert again.fingerprint != good.fingerprint and certificate.read(again.file) == again


def test_any_name_of_a_machine_will_do(tmp_path: Path) -> None:
    made = certificate.ensure(tmp_path, "../Åse's /workstation" + "x" * 100)
    assert made.file.parent == tmp_path


def test_without_openssl_there_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MachineError, match=r"cannot be made, so the machine cannot be reached"):
        certificate.ensure(tmp_path, MACHINE)


def test_an_openssl_that_fails_is_quoted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    false = tmp_path / "openssl"
    shell = shutil.which("sh")
    false.write_text(f"#!{shell}\necho no randomness >&2\nexit 1\n", encoding="utf-8")
    false.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MachineError, match="no randomness"):
        certificate.ensure(tmp_path, MACHINE)

"""The certificate that a machine makes for itself at its first boot. Nobody vouches for it but its fingerprint."""

from __future__ import annotations

import hashlib
import re
import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

from cloud_image.errors import MachineError
from cloud_image.files import replace

#: A century: the service compares the fingerprint, not the dates.
_DAYS = 36_500
_DEADLINE = 30.0


@dataclass(frozen=True, slots=True)
class Certificate:
    """`file` holds key and certificate (PEM); `fingerprint` is the SHA-256 of the certificate in DER, 64 hex digits."""

    file: Path
    fingerprint: str


def ensure(folder: Path, machine: str, *, owner: tuple[int, int] | None = None) -> Certificate:
    """The machine's certificate in `folder`, made when there is none that can be used.

    It is named after the machine, so that a copy of this disk in another machine gets one of its own. `owner`: user and group
    id of who may read the key. Raises MachineError when openssl makes none, and OSError when it cannot be kept.
    """
    file = folder / f"{re.sub('[^A-Za-z0-9.-]', '_', machine)}.pem"
    known = read(file)
    if known is None:
        replace(file, _make(machine), mode=0o600, owner=owner)
        known = read(file)
    if known is None:
        raise MachineError(f"The guard's new certificate {file} cannot be read, so the machine cannot be reached.")
    return known


def read(file: Path) -> Certificate | None:
    """The certificate in a file; None when it is not there, damaged, or not of the key beside it."""
    try:
        # The only reader in the standard library that compares certificate and key.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(file)
        encoded = ssl.PEM_cert_to_DER_cert(_certificate_part(file.read_text(encoding="ascii")))
    except (OSError, ValueError):
        return None
    return Certificate(file, hashlib.sha256(encoded).hexdigest())


def _certificate_part(text: str) -> str:
    found = re.search("-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", text, re.DOTALL)
    if found is None:
        raise ValueError("no certificate")
    return found[0]


def _make(machine: str) -> str:
    """A new key, and a certificate for it."""
    name = re.sub("[^A-Za-z0-9.-]", "-", machine)[:64] or "machine"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-sha256", "-days", str(_DAYS), "-subj", f"/CN={name}", "-keyout", "-", "-out", "-"]
    try:
        made = subprocess.run(command, capture_output=True, text=True, timeout=_DEADLINE, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise MachineError(f"The guard's certificate cannot be made, so the machine cannot be reached: {error}") from error
    if made.returncode != 0:
        raise MachineError(f"openssl made no certificate, so the machine cannot be reached: {made.stderr.strip()[-500:]}")
    return made.stdout

"""The parts of nginx's configuration that differ from machine to machine and from wake to wake, as text."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

from cloud_image.errors import MachineError
from cloud_image.settings import GuardSettings

#: What a header can carry without quoting; the service's own tokens have 43 of A-Z, a-z, 0-9, - and _.
_TOKEN = re.compile(r"[\x21-\x7e][\x20-\x7e]{6,510}[\x21-\x7e]")


def token_conf(token: str, salt: str) -> str:
    """Whom the guard lets in: a salted hash, compared with that of what a request presents.

    nginx's `secure_link` makes MD5 only. What it has to withstand is somebody who guesses 256 random bits without knowing the
    salt, and that needs no resistance to collisions. Raises MachineError for a token that no request could present.
    """
    if not _TOKEN.fullmatch(token):
        raise MachineError("The token of this wake is not 8 to 512 plain characters, so the guard lets nobody in.")
    if not re.fullmatch("[0-9a-f]{32,}", salt):
        raise ValueError("a salt is at least 32 hex digits")
    digest = hashlib.md5(f"{salt}{token}".encode(), usedforsecurity=False).digest()
    encoded = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    return f'map "" $token_salt {{ default "{salt}"; }}\nmap "" $token_digest {{ default "{encoded}"; }}\n'


def engine_conf(port: int) -> str:
    """Where the engine is."""
    return f"upstream engine {{ server 127.0.0.1:{port}; }}\n"


def server_conf(settings: GuardSettings, certificate: Path) -> str:
    """Where the guard listens, with which certificate, and what it takes in."""
    return (
        f"listen {settings.port} ssl so_keepalive=on;\n"
        f"ssl_certificate {certificate};\n"
        f"ssl_certificate_key {certificate};\n"
        f"client_max_body_size {settings.max_upload_mib}m;\n"
        f'set $largest "{settings.max_upload_mib} MiB";\n'
    )

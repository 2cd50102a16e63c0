"""What a machine says to its cloud, whatever cloud that is."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from cloud_image.errors import CloudError


class Calls(Protocol):
    """Each may block for some ten seconds and raises CloudError with a sentence."""

    def guard_token(self) -> str:
        """The token that the service made for this wake."""

    def publish_fingerprint(self, fingerprint: str) -> None:
        """Lets the service know the certificate (SHA-256, 64 hex digits) that this machine will show."""

    def renew_lease(self, until: float) -> None:
        """The machine may run until then (epoch seconds), whoever finds it forgotten."""

    def busy(self, busy: bool) -> None:
        """Tells the cloud's alarm whether there is work."""

    def stop(self) -> None:
        """Has the cloud switch this machine off."""


class NoCloud:
    """A workstation, or a container without one: the token is in a file, and nobody needs to be told anything."""

    def __init__(self, token_file: Path) -> None:
        self._token_file = token_file

    def guard_token(self) -> str:
        """The file's content."""
        try:
            token = self._token_file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as flaw:
            raise CloudError(f"The guard's token cannot be read, so it lets nobody in: {flaw}", passing=True) from flaw
        if not token:
            raise CloudError(f"The guard's token {self._token_file} is empty, so it lets nobody in.", passing=True)
        return token

    def publish_fingerprint(self, fingerprint: str) -> None:
        """Whoever needs it reads it from the guard's own journal."""

    def renew_lease(self, until: float) -> None:
        """There are no leases without a cloud."""

    def busy(self, busy: bool) -> None:
        """There is no alarm without a cloud."""

    def stop(self) -> None:
        """Nobody but the machine itself can switch it off."""

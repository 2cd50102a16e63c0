"""What the cloud says of the machine: who it is, and whether it is wanted back."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from cloud_image.errors import MetadataError
from cloud_image.metadata import Identity
from cloud_image.metadata import Notice as CloudNotice

from .clock import Clock, beside
from .state import State
from .wire import Notice

log = logging.getLogger(__name__)

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
#: Seconds of silence of the metadata service after which that is said.
SILENCE = 60.0


class CloudMetadata(Protocol):
    """What is asked of the metadata service. Blocks; raises MetadataError."""

    def identity(self) -> Identity:
        """Who we are."""

    def notice(self) -> CloudNotice | None:
        """Whether the cloud wants the machine back."""


class CloudWatch:
    """Asks for the identity until it is known, then for notices every `period` seconds."""

    def __init__(
        self, metadata: CloudMetadata, state: State, clock: Clock, *, period: float, named: bool, beat: Callable[[], None]
    ) -> None:
        self._metadata = metadata
        self._state = state
        self._clock = clock
        self._period = period
        self._named = named
        self._beat = beat
        self._silent_since: float | None = None
        self._complained = False

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self._beat()
            try:
                if not self._named:
                    identity = await beside(self._metadata.identity)
                    self._state.facts = replace(self._state.facts, machine=identity.machine)
                    self._named = True
                notice = await beside(self._metadata.notice)
            except MetadataError as error:
                self._silence(str(error))
            else:
                self._silent_since, self._complained = None, False
                self._take(None if notice is None else Notice(notice.kind, notice.at))
            await self._clock.sleep(self._period)

    def _take(self, notice: Notice | None) -> None:
        if notice is not None and notice != self._state.facts.notice:
            certain = notice.kind == "interruption"
            self._state.say("The cloud takes this machine back." if certain else "The cloud may take this machine back soon.")
        self._state.facts = replace(self._state.facts, notice=notice)

    def _silence(self, error: str) -> None:
        """Said once it has lasted: until then it may be a boot's first seconds, or a lost packet."""
        now = self._clock.now()
        self._silent_since = now if self._silent_since is None else self._silent_since
        if now - self._silent_since >= SILENCE and not self._complained:
            self._complained = True
            self._state.say(f"{error} A notice that the cloud takes the machine back would come without warning.")
        log.info("%s", error)


def known_name(identity: Path, cloud: str) -> str | None:
    """The machine's own id, if something has written it down in this boot; its host name where there is no cloud."""
    try:
        return Identity.of_json(identity.read_text(encoding="utf-8")).machine
    except FileNotFoundError:
        return None if cloud != "none" else socket.gethostname()
    except ValueError as flaw:
        log.warning("%s is of no use: %s", identity, flaw)
        return None if cloud != "none" else socket.gethostname()


def boot_id(path: Path = BOOT_ID) -> str:
    """The kernel's own name of this boot. Raises OSError."""
    return path.read_text(encoding="ascii").strip()

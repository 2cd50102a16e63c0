"""What happened in this boot, remembered for the agent that comes after this one."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict
from pathlib import Path

from cloud_image.files import replace

from .files import read_fields
from .wire import Happening

log = logging.getLogger(__name__)


class Memory:
    """A file that goes with the boot."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def recall(self) -> tuple[Happening, ...]:
        """What an agent before this one has noted; nothing when there was none, or its notes cannot be read."""
        try:
            fields = read_fields(self._path) or {}
            return tuple(
                Happening(int(row["number"]), float(row["at"]), str(row["sentence"])) for row in fields.get("happened", ())
            )
        except (OSError, ValueError, TypeError, KeyError) as flaw:
            log.warning("What happened before in this boot cannot be read: %s", flaw)
            return ()

    def note(self, happened: tuple[Happening, ...]) -> None:
        """Puts them down. A file that cannot be written is logged: nothing but their numbers depends on it."""
        try:
            replace(self._path, json.dumps({"happened": [asdict(happening) for happening in happened]}), mode=0o640)
        except OSError as error:
            log.warning("What happens cannot be noted: %s", error)

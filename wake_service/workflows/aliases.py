"""What a prompt and its files are called at an engine, and what their client calls them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import orjson

from wake_service.workflows import naming


def folder_of(artist_id: str) -> str:
    """An artist's folder at every engine: nothing in it says whose it is, and nobody can guess it."""
    return f"{naming.OURS}/{hashlib.sha256(f'folder of {artist_id}'.encode()).hexdigest()[:16]}"


class Aliases:
    """Of one prompt. `inputs` are the engine's names of her uploads, by hers."""

    def __init__(self, prompt_id: str, name: str, folder: str) -> None:
        self.prompt_id = prompt_id
        self.name = name
        self.folder = folder
        self.inputs: Mapping[str, str] = {}
        self._escaped = _escaped(name)

    def message(self, raw: str | bytes) -> str:
        """An engine's message under the client's name for the prompt. It is not read for that: the id is 36 letters of chance."""
        text = raw if isinstance(raw, str) else raw.decode(errors="replace")
        return text if self.prompt_id == self.name else text.replace(self.prompt_id, self._escaped)

    def whole(self, raw: str | bytes) -> dict[str, Any]:
        """A message that may name files, read, with her names for them too."""
        text = self.message(raw)
        for hers, theirs in self.inputs.items():
            text = text.replace(_escaped(theirs), _escaped(hers))
        said: dict[str, Any] = orjson.loads(text.replace(f"{self.folder}/", ""))
        return said


def _escaped(text: str) -> str:
    return orjson.dumps(text).decode()[1:-1]

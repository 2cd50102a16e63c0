"""The versions that an image holds, as the build found them out, and as tags within AWS's limits. No calls here."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from wake_service.aws import tags
from wake_service.errors import SetupError

#: AWS's limits: tags on one thing, letters in a name and in a value.
MOST_TAGS, LONGEST_NAME, LONGEST_VALUE = 50, 128, 256
#: Tags that have to have room beside the versions: name, deployment, when it was verified, and what an admin adds.
RESERVED = 10
#: Where what has no tag of its own is written, in as many as it takes.
MORE = "wakebrush-versions-"
_FOREIGN = re.compile(r"[^A-Za-z0-9 _.:/=+@-]")


def read_versions(path: Path) -> dict[str, str]:
    """What versions.json holds, flat: `{"node_packs": {"inpaint": "abc"}}` is `node_packs.inpaint`. Raises SetupError."""
    try:
        written = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SetupError(
            f"What the image holds cannot be read from {path}: {error}. The image is there, without tags that say what is in it."
        ) from error
    if not isinstance(written, dict):
        raise SetupError(f"What the image holds cannot be read from {path}: it is no table of versions.")
    return dict(_flat(written))


def _flat(written: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    for name, value in written.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{above}{name}.")
        elif isinstance(value, list):
            yield f"{above}{name}", " ".join(str(one) for one in value)
        elif value not in (None, ""):
            yield f"{above}{name}", str(value)


def version_tags(versions: Mapping[str, str], present: Iterable[str] = ()) -> dict[str, str]:
    """One tag for each version, as many as fit beside those that are `present` already; the rest share as few as they can.

    Names and values are cut and cleaned to what AWS takes. Raises SetupError when even that has no room.
    """
    made = {_name(name): _clean(value)[:LONGEST_VALUE] for name, value in sorted(versions.items())}
    others = [key for key in present if key not in made and not key.startswith(MORE)]
    room = MOST_TAGS - RESERVED - len(others)
    if len(made) <= room:
        return made
    shared = list(_shared({key.removeprefix(tags.VERSION): value for key, value in made.items()}))
    for own in range(len(made) - 1, -1, -1):
        first = dict(list(made.items())[:own])
        rest = shared[own:]
        lines = list(_lines(rest))
        if own + len(lines) <= room:
            return {**first, **{f"{MORE}{number}": line for number, line in enumerate(lines, 1)}}
    raise SetupError(f"The image holds {len(versions)} versions, more than AWS's {MOST_TAGS} tags have room for.")


def _shared(versions: Mapping[str, str]) -> Iterator[str]:
    for name, value in versions.items():
        yield f"{name}={value}"[:LONGEST_VALUE]


def _lines(entries: Iterable[str]) -> Iterator[str]:
    line = ""
    for entry in entries:
        if line and len(line) + 1 + len(entry) > LONGEST_VALUE:
            yield line
            line = ""
        line = f"{line} {entry}".strip()
    if line:
        yield line


def _name(name: str) -> str:
    return f"{tags.VERSION}{_clean(name)}"[:LONGEST_NAME]


def _clean(text: str) -> str:
    return _FOREIGN.sub("-", text).strip()

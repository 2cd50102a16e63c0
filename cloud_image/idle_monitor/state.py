"""What a run leaves for the next one: a file of this boot."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import history
from .sampler import Awake
from .terms import Term
from .verdict import Sample

_VERSION = 1


@dataclass(slots=True)
class State:
    """`memories` are the signals'. `unreported`: whether there was work since the alarm's metric was last told, at
    `reported_at` (clock.boot); None when nothing is known of that time."""

    awake: Awake
    samples: Sequence[Sample] = ()
    memories: Mapping[str, Any] = field(default_factory=dict)
    lease: Term | None = None
    unreported: bool | None = None
    reported_at: float | None = None


@dataclass(frozen=True, slots=True)
class Boot:
    """This boot: its id, and when it was, by clock.boot (a container boots later than its host)."""

    id: str
    at: float


def load(path: Path, boot: Boot) -> tuple[State, str]:
    """The state in a file, and a sentence when it could not be used: then everything begins anew, which costs one window."""
    fresh = State(Awake(boot.at, 0.0))
    try:
        written = json.loads(path.read_text(encoding="utf-8"))
        if written["version"] != _VERSION or written["boot"] != boot.id:
            return fresh, "What the idle monitor remembered is of another boot or version: it begins anew."
        return _of_json(written), ""
    except FileNotFoundError:
        return fresh, ""
    except (OSError, ValueError, KeyError, TypeError) as flaw:
        return fresh, f"What the idle monitor remembered cannot be read, so it begins anew: {flaw!r}."


def save(path: Path, boot: Boot, state: State) -> None:
    """Writes it, whole or not at all. Raises OSError."""
    written = {
        "version": _VERSION,
        "boot": boot.id,
        "awake": state.awake.as_json(),
        "samples": history.as_json(state.samples),
        "memories": dict(state.memories),
        "lease": state.lease and state.lease.as_json(),
        "unreported": state.unreported,
        "reported_at": state.reported_at,
    }
    write_json(path, written)


def write_json(path: Path, written: Any) -> None:
    """A file that a reader finds as it was or as it is. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.new")
    draft.write_text(json.dumps(written, ensure_ascii=False), encoding="utf-8")
    draft.chmod(0o644)
    draft.replace(path)


def _of_json(written: Mapping[str, Any]) -> State:
    unreported, reported_at, memories = written["unreported"], written["reported_at"], written["memories"]
    if (
        not isinstance(unreported, bool | None)
        or not isinstance(reported_at, float | int | None)
        or not isinstance(memories, dict)
    ):
        raise ValueError("not a state")
    return State(
        awake=Awake.of_json(written["awake"]),
        samples=history.of_json(written["samples"]),
        memories=memories,
        lease=Term.of_json(written["lease"]),
        unreported=unreported,
        reported_at=reported_at,
    )

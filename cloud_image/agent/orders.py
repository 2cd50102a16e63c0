"""Orders of the wake service, read strictly: whoever sends them is trusted with nothing but their meaning."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .wire import ORDERS, WIRE, Reply, version_mismatch

#: Of what the other side sent, so many characters at most are repeated in a sentence.
SHOWN = 40
MAX_ID, MAX_MODELS, MAX_RESULTS = 100, 100, 1000


@dataclass(frozen=True, slots=True)
class Drain:
    """Refuse new prompts; what is there goes on."""

    id: str


@dataclass(frozen=True, slots=True)
class Undrain:
    """Take prompts again."""

    id: str


@dataclass(frozen=True, slots=True)
class Stop:
    """Close, look again, and stop; with work there, refuse unless `force`."""

    id: str
    force: bool


@dataclass(frozen=True, slots=True)
class HandOver:
    """Another artist's from now on: end the engine, empty its folders, start it anew; with work there, refuse."""

    id: str


@dataclass(frozen=True, slots=True)
class Prefetch:
    """Make these models fast to read, in this order; replaces what was asked before."""

    id: str
    models: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Hold:
    """Stay awake until then (epoch seconds); None lets go."""

    id: str
    until: float | None


@dataclass(frozen=True, slots=True)
class Acknowledge:
    """The results of these prompts are safe elsewhere."""

    id: str
    results: tuple[str, ...]


Order = Drain | Undrain | Stop | HandOver | Prefetch | Hold | Acknowledge


def read_order(text: str) -> Order | Reply:
    """The order in a text, or the refusal to send back for what is none. Raises nothing."""
    fields = _object(text)
    if fields is None:
        return Reply("", False, "This was no order: an order is a JSON object.")
    id = fields.get("id")
    id = id if isinstance(id, str) else ""
    refusal = _refusal(fields)
    if refusal:
        return Reply(id, False, refusal)
    try:
        return _order(id, fields)
    except ValueError as flaw:
        return Reply(id, False, f"The order cannot be read: {flaw}.")


def _order(id: str, fields: Mapping[str, Any]) -> Order:
    if not 0 < len(id) <= MAX_ID:
        raise ValueError(f"id: must be a text of 1 to {MAX_ID} characters")
    match fields["type"]:
        case "drain":
            return Drain(id)
        case "undrain":
            return Undrain(id)
        case "stop":
            return Stop(id, _flag(fields, "force"))
        case "hand_over":
            return HandOver(id)
        case "prefetch":
            return Prefetch(id, _texts(fields, "models", MAX_MODELS))
        case "hold":
            return Hold(id, _moment(fields, "until"))
    return Acknowledge(id, _texts(fields, "results", MAX_RESULTS))


def _refusal(fields: Mapping[str, Any]) -> str:
    """Why these fields cannot be an order of ours; empty if they may be one."""
    wire, kind = fields.get("wire"), fields.get("type")
    if type(wire) is not int or wire != WIRE:
        return version_mismatch(agent=WIRE, service=wire)
    if not fields.get("id"):
        return "This was no order: it has no id."
    if kind not in ORDERS:
        return f'This machine\'s agent does not know the order "{str(kind)[:SHOWN]}"; it knows {", ".join(ORDERS)}.'
    return ""


def _object(text: str) -> dict[str, Any] | None:
    """None for what is no JSON object, NaN and its kin included."""
    try:
        found = json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no number in JSON")


def _flag(fields: Mapping[str, Any], name: str) -> bool:
    value = fields.get(name, False)
    if not isinstance(value, bool):
        raise ValueError(f"{name}: must be true or false")
    return value


def _texts(fields: Mapping[str, Any], name: str, limit: int) -> tuple[str, ...]:
    values = fields.get(name)
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise ValueError(f"{name}: must be a list of texts")
    if len(values) > limit:
        raise ValueError(f"{name}: must have at most {limit} members")
    return tuple(values)


def _moment(fields: Mapping[str, Any], name: str) -> float | None:
    if name not in fields:
        raise ValueError(f"{name}: is missing; it is a moment or null")
    value = fields[name]
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e15 or not math.isfinite(value):
        raise ValueError(f"{name}: must be a moment in epoch seconds, or null")
    return float(value)

"""What a caller wishes of the subscription, in its query."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from wake_service.gateway.refusals import Refusal, comfy_error
from wake_service.workflows import delivery

#: Longest name of a task, in characters.
LONGEST_TASK_ID = 200
#: Longest that a call waits for a result, in seconds: below what proxies allow a call that says nothing.
LONGEST_WAIT = 30.0
MOST_RESULTS, USUAL_RESULTS = 100, 10
#: Largest file that is put into its result, in bytes.
LARGEST_INLINE = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Wish:
    """At most `most` results, waited for `wait` seconds, the caller's for `visibility` seconds.

    `inline`: files up to so many bytes are put into the result itself. `task_id`: only this task's.
    """

    most: int
    wait: float
    visibility: float
    inline: int
    task_id: str | None

    @classmethod
    def read(cls, query: Mapping[str, str], most: str) -> Wish:
        """The wish in a query, where `most` is how the number of results is called there. Raises Refusal."""
        return cls(
            most=int(_number(query, most, USUAL_RESULTS, 1, MOST_RESULTS)),
            wait=_number(query, "wait", 0.0, 0.0, LONGEST_WAIT),
            visibility=_number(
                query,
                "visibility",
                delivery.VISIBILITY_SECONDS,
                delivery.SHORTEST_VISIBILITY,
                delivery.LONGEST_VISIBILITY,
            ),
            inline=int(_number(query, "inline", 0, 0, LARGEST_INLINE)),
            task_id=task_id(query),
        )


def task_id(query: Mapping[str, str]) -> str | None:
    """The name of a task; None where none is given. Raises Refusal."""
    given = query.get("task_id")
    if given is not None and not (0 < len(given) <= LONGEST_TASK_ID and given.isprintable()):
        told = f"A task_id is a text of 1 to {LONGEST_TASK_ID} characters that can be printed; leave it out to get one."
        raise comfy_error(400, "invalid_task_id", told, given[:LONGEST_TASK_ID])
    return given


def _number(query: Mapping[str, str], name: str, usual: float, least: float, most: float) -> float:
    text = query.get(name)
    if text is None:
        return usual
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not least <= value <= most:
        raise _out_of_range(name, text, least, most)
    return value


def _out_of_range(name: str, text: str, least: float, most: float) -> Refusal:
    return comfy_error(400, "invalid_request", f"“{name}” must be a number from {least:g} to {most:.15g}.", text[:100])

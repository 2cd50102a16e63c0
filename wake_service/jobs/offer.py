"""A place at an engine, kept for a job while the job is written down: submission and claim share one commit."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from wake_service.jobs.model import Job
from wake_service.store.store import Transaction


@dataclass(frozen=True, slots=True)
class Offer:
    """`job` is claimed already; `prompts` are the rows to be committed with it, and what `moving` writes, where there is that.

    Either `accept` or `decline` is called, once.
    """

    job: Job
    prompts: list[dict[str, Any]]
    accept: Callable[[], Awaitable[None]]
    decline: Callable[[], None]
    moving: Callable[[Transaction], None] | None = None

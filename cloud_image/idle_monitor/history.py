"""Samples in a row, kept small: those that say the same become one. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from .policy import Policy
from .verdict import CLOCK_TOLERANCE, Said, Sample, Sign


def extended(samples: Sequence[Sample], sample: Sample, policy: Policy) -> list[Sample]:
    """The history with one more sample; what no verdict needs any more is dropped.

    A verdict needs the time since the last work or the last break; the sample before it tells what the break was.
    """
    known = [*samples]
    if known and _follows(known[-1], sample, policy):
        sample = _dated(known[-1], sample)
        if _same(known[-1], sample):
            known[-1] = _joined(known[-1], sample)
        else:
            known.append(sample)
    else:
        known.append(_dated(None, sample))
    return known[max(0, _newest_start(known, policy) - 1) :]


def as_json(samples: Sequence[Sample]) -> list[Any]:
    """For a file."""
    return [
        [s.begin, s.end, s.wall, s.worked, [[g.signal, g.said, g.sentence, g.level, g.since] for g in s.signs]] for s in samples
    ]


def of_json(written: Any) -> list[Sample]:
    """What as_json wrote. Raises ValueError for anything else."""
    try:
        samples = [
            Sample(
                begin=float(begin),
                end=float(end),
                wall=float(wall),
                worked=None if worked is None else float(worked),
                signs=tuple(
                    Sign(str(name), Said(said), str(text), float(level), float(at)) for name, said, text, level, at in signs
                ),
            )
            for begin, end, wall, worked, signs in written
        ]
    except TypeError as flaw:
        raise ValueError(f"not a history: {flaw}") from flaw
    for sample in samples:
        if not sample.begin <= sample.end or not sample.begin <= (sample.end if sample.worked is None else sample.worked):
            raise ValueError("not a history: a sample ends before it begins")
    return samples


def _follows(before: Sample, sample: Sample, policy: Policy) -> bool:
    return 0 <= sample.begin - before.end <= policy.blink


def _dated(before: Sample | None, sample: Sample) -> Sample:
    """The sample, whose signs know since when they say so."""
    known = {(sign.signal, sign.said): sign.since for sign in before.signs} if before else {}
    signs = tuple(replace(sign, since=known.get((sign.signal, sign.said), sample.begin)) for sign in sample.signs)
    return replace(sample, signs=signs)


def _same(before: Sample, sample: Sample) -> bool:
    drift = (sample.wall - before.wall) - (sample.end - before.end)
    said = {(sign.signal, sign.said) for sign in before.signs} == {(sign.signal, sign.said) for sign in sample.signs}
    return said and abs(drift) <= CLOCK_TOLERANCE


def _joined(before: Sample, sample: Sample) -> Sample:
    return replace(sample, begin=before.begin, worked=before.worked if sample.worked is None else sample.worked)


def _newest_start(samples: Sequence[Sample], policy: Policy) -> int:
    """Where the newest work, or the newest unbroken row, begins."""
    for place in range(len(samples) - 1, 0, -1):
        before, sample = samples[place - 1], samples[place]
        if sample.worked is not None or not _follows(before, sample, policy):
            return place
    return 0

"""What becomes of a job over which a machine ran out of memory: one more try at lower cost, then advice."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum

from wake_service.jobs.model import Job, JobError, WaitingFor, failed, released

#: What an artist reads while her picture is tried once more.
NOTE = "The machine ran out of memory over this picture. It is painted once more, in a way that needs less."
_ADVICE = "Try a smaller region, or a style with a smaller model. If you need this size, ask your admin for a larger machine."


class Memory(StrEnum):
    """Which memory was too small: the GPU's, at which the engine fails and lives on, or the machine's, which ends the engine."""

    GPU = "gpu"
    MACHINE = "machine"


_TOLD = {
    Memory.GPU: "The GPU ran out of memory while painting this picture, and again in the way that needs less.",
    Memory.MACHINE: "The machine ran out of memory while painting this picture, and again in the way that needs less.",
}


def starved(job: Job, memory: Memory, waiting_for: WaitingFor, now: float, *, tried_frugally: bool) -> Job:
    """The job after memory ran out over it: queued to be painted frugally, or, if that was what was tried, failed with advice.

    The frugal try is granted however often a machine was lost before: it is another way to paint, and there is one only.
    """
    if tried_frugally:
        return failed(job, JobError("engine_out_of_memory", _TOLD[memory], _ADVICE), now)
    return replace(released(job, waiting_for), attempt=job.attempt + 1, frugal=True)

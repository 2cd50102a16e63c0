"""The API's words for where a job stands, and the sentence that says what it waits for. Values in, values out."""

from __future__ import annotations

from wake_service.jobs.model import Job, JobState, WaitingFor
from wake_service.jobs.views import Outlook

#: The contract knows no state for "its machine is waking": that is `queued`.
STATUS = {
    JobState.QUEUED: "queued",
    JobState.RUNNING: "running",
    JobState.SUCCEEDED: "succeeded",
    JobState.FAILED: "failed",
    JobState.CANCELLED: "canceled",
}
#: Ended so long ago that its pictures are not kept any more.
EXPIRED = "expired"
STATUSES = (*STATUS.values(), EXPIRED)
TERMINAL = frozenset({"succeeded", "failed", "canceled", EXPIRED})

#: Errors of ours under the names that clients of the API look for.
_ERRORS = {"graph_refused": "invalid_workflow", "model_missing": "invalid_workflow", "engine_failed": "node_execution_error"}


def status_of(job: Job, expires_at: float, now: float) -> str:
    """One of STATUSES. `expires_at`: until when what the job made is kept, in epoch seconds."""
    return EXPIRED if not job.unfinished and expires_at <= now else STATUS[job.state]


def error_code(code: str) -> str:
    """The name of one of our jobs' errors."""
    return _ERRORS.get(code, code)


def waiting_sentence(job: Job, outlook: Outlook) -> str:
    """What a queued job waits for, and how long about (from the outlook: until its first result)."""
    again = "The machine was lost; the work begins anew. " if job.attempt > 1 else ""
    return again + _reason(job.waiting_for, outlook)


def _reason(waiting_for: WaitingFor | None, outlook: Outlook) -> str:
    about = "" if outlook.eta_seconds is None else f", about {_span(outlook.eta_seconds)}"
    match waiting_for:
        case WaitingFor.MACHINE_WAKING:
            return f"Waking the machine{about}."
        case WaitingFor.MACHINE_BUSY:
            ahead = f" behind {_jobs(outlook.ahead)}" if outlook.ahead else ""
            return f"Waiting for the machine{ahead}{about}."
        case WaitingFor.CAPACITY:
            return "The cloud has no free machine of this kind now; it is asked again by itself."
        case WaitingFor.BUDGET:
            return "The team's budget for this month is used up. The work goes on when the month turns, or your admin raises it."
        case WaitingFor.PAUSED:
            return "No machine runs at this hour; the work begins when the pause ends."
        case _:
            return "No machine can be woken now; the work begins as soon as one can."


def _span(seconds: float) -> str:
    return f"{max(1, round(seconds))} s" if seconds < 100 else f"{round(seconds / 60)} min"


def _jobs(count: int) -> str:
    return "another job" if count == 1 else f"{count} other jobs"

"""What a tour makes of the events it sees."""

from __future__ import annotations

from typing import Any

from wake_service.demo.record import Record


def machine(second: float, state: str, stage: str | None = None) -> dict[str, Any]:
    what = {"id": "practice", "state": state, "stage": stage, "price_per_hour": {"amount": 1.0, "currency": "USD"}}
    return {"type": "machine.changed", "seq": None, "at": f"2026-11-20T10:00:{second:06.3f}Z", "data": {"machine": what}}


def job(second: float, state: str) -> dict[str, Any]:
    what = {"id": "a", "state": state, "cost": {"amount": 0.002, "currency": "USD"}}
    return {"type": f"job.{state}", "seq": 1, "at": f"2026-11-20T10:00:{second:06.3f}Z", "data": {"job": what}}


def record(*events: dict[str, Any]) -> Record:
    seen = Record()
    for event in events:
        seen.see(event)
    return seen


WAKE = (
    machine(1, "waking", "requested"),
    machine(1.5, "waking", "booting"),
    machine(3, "waking", "engine"),
    machine(3.25, "ready"),
)


def test_each_stage_of_a_wake_lasts_until_the_next_begins() -> None:
    assert record(machine(0, "asleep"), *WAKE).wake_seconds == {"requested": 0.5, "booting": 1.5, "engine": 0.25, "total": 2.25}


def test_a_stage_that_is_announced_twice_counts_from_the_first_time() -> None:
    assert record(WAKE[0], machine(1.2, "waking", "requested"), *WAKE[1:]).wake_seconds["requested"] == 0.5


def test_nothing_woke_means_no_wake_times() -> None:
    assert record(machine(0, "asleep"), machine(1, "waking", "requested")).wake_seconds == {}


def test_only_the_first_wake_is_timed() -> None:
    again = (machine(8, "asleep"), machine(9, "waking", "requested"), machine(20, "ready"))
    assert record(*WAKE, *again).wake_seconds["total"] == 2.25


def test_the_report_lists_every_state_once_in_a_row() -> None:
    events = (machine(0, "asleep"), machine(0.1, "asleep"), *WAKE, job(4, "queued"), job(5, "running"), job(6, "running"))
    report = record(*events, job(7, "succeeded"), machine(9, "asleep")).report()
    assert report["machine_states"] == ["asleep", "waking", "ready", "asleep"]
    assert report["job_states"] == ["queued", "running", "succeeded"]
    assert report["final_machine_state"] == "asleep"
    assert report["cost"] == {"amount": 0.002, "currency": "USD"}


def test_a_snapshot_tells_the_state_of_every_machine() -> None:
    snapshot = machine(0, "asleep")
    snapshot |= {
        "type": "snapshot",
        "seq": 5,
        "data": {"seq": 5, "jobs": [], "machines": [snapshot["data"]["machine"]], "me": {}},
    }
    assert record(snapshot).machine_states == ["asleep"]

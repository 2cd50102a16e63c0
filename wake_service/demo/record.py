"""What a tour saw, put together from the artist's event stream: the content of report.json."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

Envelope = dict[str, Any]
AWAKE = ("ready", "busy")


@dataclass
class Record:
    """States in the order they were seen, without repeats; `stages` are the wake's stages with the moment each began."""

    machine_states: list[str] = field(default_factory=list)
    job_states: list[str] = field(default_factory=list)
    stages: list[tuple[str, float]] = field(default_factory=list)
    awake_at: float | None = None
    machine: dict[str, Any] = field(default_factory=dict)
    job: dict[str, Any] = field(default_factory=dict)

    def see(self, envelope: Envelope) -> None:
        """Takes in one event of the stream."""
        at = datetime.fromisoformat(envelope["at"]).timestamp()
        data = envelope["data"]
        for machine in data.get("machines", [data["machine"]] if "machine" in data else []):
            self._see_machine(machine, at)
        if "job" in data:
            self.see_job(data["job"])

    def see_job(self, job: dict[str, Any]) -> None:
        """Takes in the job as it is now."""
        self.job = job
        _append(self.job_states, job["state"])

    def _see_machine(self, machine: dict[str, Any], at: float) -> None:
        self.machine = machine
        _append(self.machine_states, machine["state"])
        if self.awake_at is not None:
            return
        if machine["state"] == "waking" and (not self.stages or self.stages[-1][0] != machine["stage"]):
            self.stages.append((machine["stage"], at))
        elif machine["state"] in AWAKE and self.stages:
            self.awake_at = at

    @property
    def wake_seconds(self) -> dict[str, float]:
        """How long each stage of the wake took, and `total`; empty when nothing woke."""
        if self.awake_at is None:
            return {}
        ends = [at for _, at in self.stages[1:]] + [self.awake_at]
        seconds = {stage: round(end - at, 3) for (stage, at), end in zip(self.stages, ends, strict=True)}
        return seconds | {"total": round(self.awake_at - self.stages[0][1], 3)}

    def report(self) -> dict[str, Any]:
        """The content of report.json."""
        return {
            "machine_states": self.machine_states,
            "wake_seconds": self.wake_seconds,
            "job_states": self.job_states,
            "cost": self.job.get("cost"),
            "price_per_hour": self.machine.get("price_per_hour"),
            "final_machine_state": self.machine_states[-1] if self.machine_states else None,
            "engine": (self.machine.get("engine") or {}).get("name"),
            "job": {name: self.job.get(name) for name in ("id", "mode", "prompt", "style", "strength", "seed", "region")},
        }


def _append(states: list[str], state: str) -> None:
    if not states or states[-1] != state:
        states.append(state)

"""What a person sees of a tour: one line for each thing that happens, and a bar that moves where there is a terminal."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

WAKE_STAGES = {
    "requested": "Waking: the start is asked for.",
    "starting": "Waking: the machine starts.",
    "booting": "Waking: the machine boots.",
    "engine": "Waking: the engine starts.",
}
MACHINE_STATES = {
    "asleep": "The machine is asleep.",
    "ready": "The machine is awake and has nothing to do.",
    "busy": "The machine works.",
    "draining": "Nobody needs it: the machine takes no new work.",
    "stopping": "The machine is stopping.",
    "failed": "The machine has failed.",
    "gone": "The machine is gone.",
}
JOB_EVENTS = {
    "job.queued": "The picture is queued, safely on disk.",
    "job.requeued": "The machine was lost; the picture is queued again.",
    "job.result": "The result is stored.",
}
JOB_STAGES = {"models": "Loading the model.", "sampling": "Painting.", "saving": "Saving."}
WAITING = {"machine_waking": "It waits for the machine to wake.", "no_machine": "It waits for a machine."}
#: Without a terminal that can move a bar, every so many steps are said.
PLAIN_STEPS = 4


class Telling:
    """Lines on a console. An `with` block shows and takes away the bar."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False)
        self._began = time.monotonic()
        self._bar = Progress(
            TextColumn("         "), BarColumn(40), TextColumn("{task.description}"), console=self.console, transient=True
        )
        self._task = self._bar.add_task("", visible=False)
        self._last = ""

    def __enter__(self) -> Telling:
        if self.console.is_terminal:
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.console.is_terminal:
            self._bar.stop()

    def line(self, text: str) -> None:
        """One sentence, with the seconds since the tour began; the same sentence twice in a row is said once."""
        if text != self._last:
            self.console.print(f"[dim]{time.monotonic() - self._began:6.1f} s[/dim]  {text}", soft_wrap=True)
            self._last = text

    def event(self, envelope: dict[str, Any]) -> None:
        """What an event of the stream means, if it means something to a person."""
        data = envelope["data"]
        match envelope["type"]:
            case "machine.changed":
                self._machine(data["machine"])
            case "job.waiting":
                self.line(WAITING.get(data["job"]["waiting_for"], "It waits for its turn."))
            case "job.running" | "job.stage":
                self.line(JOB_STAGES.get(data["job"]["stage"], "The picture is being made."))
            case "job.progress":
                self._step(data)
            case kind if kind in JOB_EVENTS:
                self.line(data["job"].get("note") or JOB_EVENTS[kind])

    def _machine(self, machine: dict[str, Any]) -> None:
        state = machine["state"]
        sentence = WAKE_STAGES.get(machine["stage"] or "") if state == "waking" else MACHINE_STATES[state]
        if sentence:
            self.line(sentence if state != "failed" else f"{sentence} {machine['message'] or ''}")

    def _step(self, data: dict[str, Any]) -> None:
        step, steps = data.get("step"), data.get("steps")
        if not step or not steps:
            return
        done = step == steps
        self._bar.update(self._task, total=steps, completed=step, description=f"step {step} of {steps}", visible=not done)
        if not self.console.is_terminal and (step % PLAIN_STEPS == 0 or done):
            self.line(f"Painting: step {step} of {steps}.")

    def summary(self, report: dict[str, Any], pictures: dict[str, Path]) -> None:
        """The end of the tour: the wake by stage, the cost, the pictures."""
        rows = [
            ("Wake" if stage == "requested" else "", stage, f"{spent:.2f} s") for stage, spent in report["wake_seconds"].items()
        ]
        rows.append(("Cost", "this picture", f"{money(report['cost'])} at {money(report['price_per_hour'], 3)} an hour"))
        rows.append(("Machine", "now", str(report["final_machine_state"])))
        rows += [("Saved" if name == "before" else "", name, str(path)) for name, path in pictures.items()]
        self.console.print("\n" + "\n".join(f"{topic:<9}{what:<14}{value}" for topic, what, value in rows), soft_wrap=True)


def money(value: dict[str, Any] | None, digits: int = 5) -> str:
    """`0.00123 USD`."""
    return "nothing" if value is None else f"{value['amount']:.{digits}f} {value['currency']}"

"""How long each thing she does in the docker holds Krita's GUI thread, against the calls that takes."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from tests.benchmarks.report import Metric
from tests.krita.installing import built_zip, profile_with_plugin
from tests.krita.kritas import INSTALLED
from tests.krita.studio import Studio, a_studio

SIZES = (1024, 2048, 4096)
ROUNDS = 3
ALLOWANCE_MS, TARGET = 5.0, 1.2
BORDER = 8
WAIT = 120.0
#: Of the calls that stalls.needed_calls and stalls.peek_calls time, those that each operation needs.
READING, SHOWING, WRITING = ("projection", "selection"), ("canvas", "picture"), ("setPixelData", "addChildNode", "setActiveNode")
NEEDED = {
    "generate": WRITING,
    "refine": (*READING[:1], *SHOWING),
    "fill": (*READING, *SHOWING),
    "peek": SHOWING,
    "apply": WRITING,
}
NAMES = tuple(f"gui_stall_ratio_{operation}_{size}" for operation in NEEDED for size in SIZES)
#: The operations that end with a picture over the canvas cannot do without these.
_SHOWN = "calls among them: Krita's canvas painted once, a picture of that size drawn onto it"
WHAT = {
    "generate": "a new picture for the whole canvas, press to layer",
    "refine": f"the whole canvas refined, press to the result over the canvas ({_SHOWN})",
    "fill": f"a selection filled, press to the result over the canvas ({_SHOWN})",
    "peek": f"another result looked at ({_SHOWN})",
    "apply": "a result becomes a layer",
}
#: By operation: the longest stall in ms, and the calls that are needed, in ms.
Round: TypeAlias = dict[str, tuple[float, dict[str, float]]]


def measure(_folder: Path) -> dict[str, Metric]:
    """All operations at all sizes, in one Krita."""
    metrics: dict[str, Metric] = {}
    INSTALLED.provide()
    with profile_with_plugin(INSTALLED, built_zip()) as profile, a_studio(INSTALLED, profile, "--step-seconds 0.05") as studio:
        for size in SIZES:
            metrics.update(at_size(studio, size))
    return {name: metrics[name] for name in NAMES}


def at_size(studio: Studio, size: int) -> dict[str, Metric]:
    """Each operation for a square document of that size, nearly all of it selected."""
    krita = studio.krita
    krita.ask("documents.create", width=size, height=size)
    krita.ask("stalls.speckle")
    krita.ask("documents.select", x=BORDER, y=BORDER, width=size - 2 * BORDER, height=size - 2 * BORDER)
    krita.ask("docker.show")
    studio.write_prompt(f"fog over the sea {size}")
    idle = stall_of(studio, lambda: None)
    rounds = [one_round(studio) for _ in range(ROUNDS)]
    krita.ask("documents.close_all")
    return {f"gui_stall_ratio_{name}_{size}": _metric(name, [each[name] for each in rounds], idle) for name in NEEDED}


def one_round(studio: Studio) -> Round:
    """The calls are timed first, in the same Krita, on the same document."""
    krita = studio.krita
    calls = krita.ask("stalls.needed_calls") | krita.ask("stalls.peek_calls")
    stalls = {}
    for task in ("refine", "fill"):
        krita.ask("results.settings", task=task, strength=60 if task == "refine" else 100)
        stalls[task] = stall_of(studio, lambda: shown_result(studio))
    ids = krita.ask("results.look")["ids"]
    krita.hand.move(krita.ask("docker.where", name="prompt"))  # a mouse that rests on the thumbnail already tells nothing
    tile = krita.ask("results.where", item=ids[1])
    stalls["peek"] = stall_of(studio, lambda: peek(studio, ids[1], tile))
    stalls["apply"] = stall_of(studio, lambda: applied(studio))
    krita.ask("window.undo")
    krita.ask("results.settings", task="generate", strength=100)
    stalls["generate"] = stall_of(studio, lambda: (shown_result(studio), applied(studio)))
    krita.ask("window.undo")
    return {name: (stalls[name], {call: calls[call] for call in needed}) for name, needed in NEEDED.items()}


def stall_of(studio: Studio, work: Callable[[], object]) -> float:
    """The longest stall while something is done and shortly after it, in ms."""
    krita = studio.krita
    krita.ask("window.wait", seconds=0.7)  # what came before is over
    krita.ask("stalls.watch")
    work()
    krita.ask("window.wait", seconds=0.5)
    longest: float = krita.ask("stalls.longest")
    return longest


def shown_result(studio: Studio) -> None:
    """A press, until its result lies over the canvas."""
    before = studio.krita.ask("stalls.results")["count"]
    studio.krita.ask("stalls.press", name="generate")
    studio.krita.until(
        "stalls.results", "the result over the canvas", lambda seen: seen["count"] > before and seen["on_canvas"], WAIT
    )


def peek(studio: Studio, item: str, tile: tuple[int, int]) -> None:
    """The mouse rests on a thumbnail until its picture lies over the canvas."""
    studio.krita.hand.move(tile)
    studio.krita.until("stalls.results", "the peek", lambda seen: seen["shown"] == item and seen["on_canvas"], WAIT)


def applied(studio: Studio) -> None:
    """The pinned result becomes a layer."""
    before = len(studio.krita.ask("documents.layers"))
    studio.krita.ask("stalls.press", name="result_apply")
    studio.krita.until("documents.layers", "the layer", lambda names: len(names) > before, WAIT)


def _metric(name: str, rounds: list[tuple[float, dict[str, float]]], idle: float) -> Metric:
    needed = [sum(calls.values()) for _, calls in rounds]
    ratios = [max(0.0, stall - ALLOWANCE_MS) / calls for (stall, _), calls in zip(rounds, needed, strict=True)]
    seen = ", ".join(f"{stall:.0f} of {calls:.0f} ms" for (stall, _), calls in zip(rounds, needed, strict=True))
    how = f"longest GUI stall - 5 ms over the Krita calls needed ({' + '.join(NEEDED[name])}): {WHAT[name]}; {seen}; Krita 5.1"
    return Metric(statistics.median(ratios), "ratio", TARGET, "lower", len(rounds), how, idle / statistics.median(needed))

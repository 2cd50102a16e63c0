"""How far one prompt is, from what the engine says on the way."""

from __future__ import annotations

from enum import StrEnum

from .events import (
    Executed,
    Executing,
    ExecutionCached,
    ExecutionError,
    ExecutionInterrupted,
    ExecutionSuccess,
    Progress,
    ProgressState,
    WireEvent,
)
from .workflow import Node, Workflow


class Stage(StrEnum):
    """What a running job is doing (docs/wire.md)."""

    MODELS = "models"
    SAMPLING = "sampling"
    SAVING = "saving"


SAMPLERS = frozenset({"KSampler", "KSamplerAdvanced", "SamplerCustom", "SamplerCustomAdvanced"})

#: Shares of the way by node class. Only their proportions matter: a bar that moves evenly enough when a model has
#: to be read once and twenty steps follow. Measured times vary tenfold between machines, so no more is claimed.
WEIGHTS = {
    "CheckpointLoaderSimple": 6.0,
    "UNETLoader": 5.0,
    "DualCLIPLoader": 3.0,
    "VAELoader": 1.0,
    "LoraLoader": 1.0,
    "CLIPTextEncode": 1.0,
    "VAEEncode": 1.0,
    "InpaintModelConditioning": 2.0,
    "VAEDecode": 2.0,
    "SaveImage": 1.0,
    **dict.fromkeys(SAMPLERS, 40.0),
}
OTHER_WEIGHT = 0.2


class PromptProgress:
    """Follows one prompt; feed it the wire events in order, those of other prompts may be among them.

    `stage` stays `models` until the first sampling step is done: with lazy weight loading that step carries the
    disk read, so standing still there, for minutes even, is no sign that the engine hangs.
    """

    def __init__(self, prompt_id: str, workflow: Workflow) -> None:
        self.prompt_id = prompt_id
        #: The node that runs now; previews that name no node are its.
        self.node: str | None = None
        self.stage = Stage.MODELS
        #: Sampling steps done, and how many there will be (None until the engine says so).
        self.step = 0
        self.steps: int | None = None
        #: 0 to 1, never falls.
        self.fraction = 0.0
        self._classes = {node: content["class_type"] for node, content in workflow.nodes.items()}
        self._weights = {node: WEIGHTS.get(name, OTHER_WEIGHT) for node, name in self._classes.items()}
        self._done: dict[str, float] = {}
        #: Steps by sampler: those done, and those there will be, as the graph asks until the engine says it.
        self._steps_done: dict[str, int] = {}
        self._steps_ahead = {node: _asked_steps(content) for node, content in workflow.nodes.items() if self._is_sampler(node)}

    def feed(self, event: WireEvent) -> bool:
        """Takes an event into account; True when stage, step, fraction or node changed."""
        if getattr(event, "prompt_id", None) != self.prompt_id:
            return False
        before = self._view()
        match event:
            case ExecutionCached(nodes=nodes):
                self._skip(nodes)
            case Executing(node=node):
                self._begin(node)
            case Progress(node=str(node), value=value, maximum=maximum):
                self._advance(node, value, maximum)
            case ProgressState(nodes=states):
                for node, state in states.items():
                    self._advance(node, state.value, state.maximum, finished=state.state == "finished")
            case Executed(node=node):
                self._done[node] = 1.0
            case ExecutionSuccess():
                self.stage, self.fraction, self.node = Stage.SAVING, 1.0, None
            case ExecutionError() | ExecutionInterrupted():
                self.node = None
        self._weigh()
        return self._view() != before

    @property
    def nodes_done(self) -> int:
        """Nodes that are through, those that the engine still had from before included."""
        return sum(1 for node in self._classes if node not in self._weights or self._done.get(node, 0.0) >= 1.0)

    def _view(self) -> tuple[object, ...]:
        return self.node, self.stage, self.step, self.steps, self.fraction

    def _skip(self, nodes: tuple[str, ...]) -> None:
        """What the engine still has from before is no part of the way."""
        for node in nodes:
            self._weights.pop(node, None)
            self._steps_ahead.pop(node, None)

    def _begin(self, node: str | None) -> None:
        """An engine runs one node after the other: when one begins, the one before it is done."""
        if self.node is not None and self.node != node:
            self._done[self.node] = 1.0
        self.node = node
        if node is not None and not self._sampling_is_ahead():
            self.stage = Stage.SAVING

    def _sampling_is_ahead(self) -> bool:
        """Whether a sampler that has to run is not through yet."""
        return any(self._is_sampler(node) and self._done.get(node, 0.0) < 1.0 for node in self._weights)

    def _advance(self, node: str, value: float, maximum: float, *, finished: bool = False) -> None:
        share = 1.0 if finished else min(1.0, max(0.0, value / maximum)) if maximum > 0 else 0.0
        self._done[node] = max(share, self._done.get(node, 0.0))
        # A node's first state says 0 of 1, before it knows its steps; a sampler of one step says 1 of 1.
        if self._is_sampler(node) and value >= 1 and self.stage is not Stage.SAVING:
            self._steps_done[node] = max(self._steps_done.get(node, 0), int(value))
            self._steps_ahead[node] = int(maximum)
            self.step = sum(self._steps_done.values())
            self.steps = sum(self._steps_ahead.values())
            self.stage = Stage.SAMPLING

    def _is_sampler(self, node: str) -> bool:
        return self._classes.get(node) in SAMPLERS

    def _weigh(self) -> None:
        whole = sum(self._weights.values())
        done = sum(weight * self._done.get(node, 0.0) for node, weight in self._weights.items())
        if whole > 0:
            self.fraction = max(self.fraction, min(1.0, done / whole))


def _asked_steps(node: Node) -> int:
    """How many steps a sampler is asked for; 0 where that comes from another node."""
    steps = node["inputs"].get("steps")
    return steps if isinstance(steps, int) else 0

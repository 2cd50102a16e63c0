"""One small picture, to see that an engine paints."""

from __future__ import annotations

import struct
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from wake_service.clock import Clock
from wake_service.comfy.catalogue import Catalogue
from wake_service.comfy.events import ImageRef
from wake_service.comfy.graph import build
from wake_service.comfy.reports import HistoryEntry, Outcome, SystemStats
from wake_service.comfy.request import Mode, PictureRequest, Style
from wake_service.comfy.styles import PRACTICE_STYLES, default_styles, missing_models
from wake_service.comfy.workflow import Workflow, WorkflowBuilder
from wake_service.errors import EngineError, EngineFailed

#: How long the picture may take, its model read from a cold disk included, and between two looks; in seconds.
PAINT_SECONDS, LOOK_SECONDS = 600.0, 1.0
SIDE, STEPS = 512, 8
_PROMPT = "a lighthouse on a headland, gouache"
_PNG = b"\x89PNG\r\n\x1a\n"


class Engine(Protocol):
    """As much of comfy.client.EngineClient as a look at an engine takes."""

    async def system_stats(self) -> SystemStats: ...

    async def object_info(self) -> dict[str, Any]: ...

    async def submit(self, prompt_id: str, graph: Mapping[str, Any], *, client_id: str) -> dict[str, Any]: ...

    async def history(self, prompt_id: str) -> HistoryEntry | None: ...

    async def view(self, image: ImageRef) -> bytes: ...

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Painted:
    """What came of it: size in pixels, and the style's title; None for a picture of one colour, which needs no model."""

    width: int
    height: int
    style: str | None

    @property
    def sentence(self) -> str:
        """For the admin."""
        with_what = f"with {self.style}" if self.style else "of one colour, since it has no model that we know how to use"
        return f"It painted a picture of {self.width} x {self.height} {with_what}."


def choose_style(catalogue: Catalogue) -> Style | None:
    """A style whose files the engine has: a practice style if it is the practice engine, else one of its checkpoints'."""
    known = [*PRACTICE_STYLES, *default_styles(catalogue)]
    return next((style for style in known if not missing_models(style, catalogue)), None)


def small_graph(catalogue: Catalogue) -> tuple[Workflow, str | None]:
    """The graph of the small picture, and the title of its style."""
    style = choose_style(catalogue)
    if style is None:
        graph = WorkflowBuilder()
        picture = graph.add("EmptyImage", width=SIDE, height=SIDE, batch_size=1, color=0x8C5A2B)
        return graph.finish(graph.add("SaveImage", images=picture, filename_prefix="wakebrush/check")), None
    small = replace(style, steps=min(style.steps, STEPS))
    request = PictureRequest(Mode.TEXT_TO_IMAGE, small, _PROMPT, "", SIDE, SIDE, seed=1, filename_prefix="wakebrush/check")
    return build(request, catalogue), style.title


async def paint(engine: Engine, catalogue: Catalogue, clock: Clock) -> Painted:
    """Paints, and looks at what came of it. Raises EngineError."""
    graph, style = small_graph(catalogue)
    prompt_id = str(uuid.uuid4())
    await engine.submit(prompt_id, graph.nodes, client_id=str(uuid.uuid4()))
    until = clock.now() + PAINT_SECONDS
    while (entry := await engine.history(prompt_id)) is None:
        if clock.now() >= until:
            raise EngineError(f"The engine took a picture and did not finish it within {PAINT_SECONDS / 60:.0f} minutes.")
        await clock.sleep(LOOK_SECONDS)
    if entry.error is not None:
        raise entry.error
    pictures = entry.outputs.get(graph.output_node, ())
    if entry.status is not Outcome.SUCCESS or not pictures:
        raise EngineFailed(f"The engine ended the picture ({entry.status}) without a file.")
    size = png_size(await engine.view(pictures[0]))
    if size is None:
        raise EngineError("What the engine gave for the picture is no PNG file.")
    return Painted(*size, style)


def png_size(data: bytes) -> tuple[int, int] | None:
    """Width and height that a PNG file says it has; None for anything else."""
    if len(data) < 24 or not data.startswith(_PNG) or data[12:16] != b"IHDR":
        return None
    width, height = struct.unpack(">II", data[16:24])
    return width, height

"""What travels along the links of a graph."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from typing import Any

from ..failures import FailurePlan, Interrupted
from ..folders import Folders
from ..frames import Preview
from ..options import Options
from ..pixels import Pixels
from ..progress import Progress


@dataclass(frozen=True, slots=True)
class Result:
    """A node's outputs in order, and what an output node shows (`{"images": [...]}`)."""

    values: tuple[Any, ...] = ()
    shown: dict[str, list[dict[str, str]]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Model:
    """A way of sketching, with the LoRAs that change it as (name, strength)."""

    name: str
    loras: tuple[tuple[str, float], ...] = ()

    def with_lora(self, name: str, strength: float) -> Model:
        """The same model with one LoRA more; strength 0 changes nothing."""
        return replace(self, loras=(*self.loras, (name, strength))) if strength else self


@dataclass(frozen=True, slots=True)
class Clip:
    """One or more text encoders."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class InpaintModel:
    """A way of filling holes, by name."""

    name: str


@dataclass(frozen=True, slots=True)
class Vae:
    """A VAE, by name."""

    name: str


@dataclass(frozen=True, slots=True)
class Conditioning:
    """A prompt's words. `guidance` is FLUX's own strength, None for other models."""

    text: str
    guidance: float | None = None


@dataclass(frozen=True, slots=True)
class Latent:
    """Pictures to sketch on, `[n, height, width, 3]`; `mask` (`[n or 1, height, width]`, any size) is white where to sketch."""

    samples: Pixels
    mask: Pixels | None = None


@dataclass(slots=True)
class Run:
    """What a node may use besides its inputs while it runs."""

    node: str
    prompt: dict[str, Any]
    extra_data: dict[str, Any]
    folders: Folders
    options: Options
    failures: FailurePlan
    loaded: set[str]
    interrupted: threading.Event
    progress: Progress

    @property
    def frugal(self) -> bool:
        """Whether the prompt is made for a GPU with little memory."""
        return any(node["class_type"] == "VAEDecodeTiled" for node in self.prompt.values())

    def wait(self, seconds: float) -> None:
        """Lets time pass as a GPU would; raises Interrupted as soon as a client asks for it."""
        if self.interrupted.wait(seconds) if seconds else self.interrupted.is_set():
            raise Interrupted

    def step(self, value: int, maximum: int, preview: Preview | None = None) -> None:
        """Tells the client about a step; raises Interrupted when it asked to stop."""
        self.wait(0.0)
        self.progress.step(self.node, value, maximum, preview)

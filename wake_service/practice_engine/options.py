"""What an engine is asked to imitate; the command line in typed form."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from .failures import Failure
from .vae import Imperfection


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds that a GPU machine would take: before listening, for a model's first step, and for each step."""

    startup: float = 0.0
    load: float = 0.0
    step: float = 0.0


@dataclass(frozen=True, slots=True)
class Options:
    """One engine's settings. `directory` holds `input`, `output`, `temp` and `user`; port 0 means any free one.

    `front_end_root` is the folder of ComfyUI's web page (`static` of its package); `pack` adds the example node pack.
    """

    directory: Path
    host: str = "127.0.0.1"
    port: int = 0
    announce: Path | None = None
    timing: Timing = field(default_factory=Timing)
    imperfection: Imperfection = field(default_factory=Imperfection)
    failure: Failure | None = None
    fail_first: int | None = None
    fail_counter: Path | None = None
    front_end_root: Path | None = None
    pack: bool = False

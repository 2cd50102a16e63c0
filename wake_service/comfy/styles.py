"""Styles: those of practice mode, those an admin writes down, and those guessed from what an engine has."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path, PurePosixPath
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from wake_service.errors import SetupError

from .catalogue import Catalogue
from .request import Base, Lora, Style

#: What suits models of each base unless a style says otherwise: the size they were trained on (pixels) and the
#: sampler settings their makers' examples use.
DEFAULTS: dict[Base, dict[str, Any]] = {
    Base.SD15: {"width": 512, "height": 512, "sampler": "dpmpp_2m", "scheduler": "karras", "steps": 25, "cfg": 7.0},
    Base.SDXL: {"width": 1024, "height": 1024, "sampler": "dpmpp_2m", "scheduler": "karras", "steps": 25, "cfg": 6.0},
    Base.FLUX: {"width": 1024, "height": 1024, "sampler": "euler", "scheduler": "simple", "steps": 20, "cfg": 1.0},
}


def _practice(name: str, title: str, description: str, lora: str | None = None, **changes: Any) -> Style:
    settings: dict[str, Any] = {"base": Base.SD15, "checkpoint": "practice-sd15.safetensors", "steps": 12, **changes}
    loras = (Lora(lora),) if lora else ()
    return Style(name=name, title=title, description=description, loras=loras, **{**DEFAULTS[settings["base"]], **settings})


#: Styles of the practice engine, which sketches without AI. The files exist only there.
PRACTICE_STYLES: tuple[Style, ...] = (
    _practice("practice-sketch", "Sketch (practice)", "Quick strokes in pencil. No AI."),
    _practice("practice-ink", "Ink (practice)", "Brush and ink, few tones. No AI.", "practice-ink.safetensors"),
    _practice("practice-gouache", "Gouache (practice)", "Flat, opaque colour. No AI.", "practice-gouache.safetensors"),
    _practice("practice-night", "Night (practice)", "Dark, with lights. No AI.", "practice-night.safetensors"),
    _practice(
        "practice-sdxl",
        "Sketch, large (practice)",
        "As Sketch, with the graph of an SDXL model. No AI.",
        base=Base.SDXL,
        checkpoint="practice-sdxl.safetensors",
    ),
    _practice(
        "practice-flux",
        "Sketch, FLUX graph (practice)",
        "As Sketch, with the graph of a FLUX model. No AI.",
        base=Base.FLUX,
        checkpoint=None,
        unet="practice-flux.safetensors",
        text_encoders=("practice-clip-l.safetensors", "practice-t5.safetensors"),
        vae="practice-vae.safetensors",
    ),
)

_Name = Annotated[str, Field(min_length=1, max_length=200)]
_Side = Annotated[int, Field(ge=64, le=8192, multiple_of=8)]


class _LoraEntry(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: _Name
    strength: float = Field(1.0, ge=-10, le=10)


class _StyleEntry(BaseModel):
    """One `[[style]]` table. Members left out take the base's defaults."""

    model_config = ConfigDict(extra="forbid")

    name: _Name
    title: _Name | None = None
    base: Base
    description: str = ""
    checkpoint: _Name | None = None
    unet: _Name | None = None
    text_encoders: list[_Name] = []
    vae: _Name | None = None
    loras: list[_LoraEntry] = []
    sampler: _Name | None = None
    scheduler: _Name | None = None
    steps: int | None = Field(None, ge=1, le=1000)
    cfg: float | None = Field(None, ge=0, le=100)
    guidance: float | None = Field(None, ge=0, le=100)
    width: _Side | None = None
    height: _Side | None = None
    prompt_template: str | None = None
    negative_prompt: str = ""
    default_strength: float | None = Field(None, gt=0, le=1)

    @model_validator(mode="after")
    def _has_its_files(self) -> _StyleEntry:
        if self.checkpoint:
            return self
        if self.base is not Base.FLUX:
            raise ValueError(f"a style of base {self.base} needs a checkpoint")
        if not self.unet or len(self.text_encoders) != 2 or not self.vae:
            raise ValueError("a style of base flux needs a checkpoint, or unet, two text_encoders and vae")
        return self

    def style(self) -> Style:
        """The style, with the base's defaults where nothing is said."""
        said = self.model_dump(exclude_none=True, exclude={"loras", "text_encoders"})
        loras = tuple(Lora(lora.name, lora.strength) for lora in self.loras)
        settings = {"title": self.name, **DEFAULTS[self.base], **said}
        return Style(loras=loras, text_encoders=tuple(self.text_encoders), **settings)


class _StyleFile(BaseModel):
    model_config = ConfigDict(extra="forbid")

    style: list[_StyleEntry] = Field(min_length=1)


def load_styles(path: Path) -> list[Style]:
    """Styles from a TOML file of `[[style]]` tables with the members of `Style`. Raises SetupError that names every flaw."""
    try:
        written = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as flaw:
        raise SetupError(f"The styles file {path} cannot be read: {flaw}") from flaw
    try:
        entries = _StyleFile.model_validate(written).style
    except ValidationError as flaw:
        lines = "; ".join(_complaint(written, dict(error)) for error in flaw.errors())
        raise SetupError(f"The styles file {path} cannot be used: {lines}") from flaw
    names = [entry.name for entry in entries]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise SetupError(f"The styles file {path} cannot be used: {', '.join(twice)} is there more than once")
    return [entry.style() for entry in entries]


def _complaint(written: dict[str, Any], error: dict[str, Any]) -> str:
    """`style “ink”, steps: Input should be ...`, with the style's number where it has no name."""
    place = list(error["loc"])
    words = []
    if len(place) > 1 and place[0] == "style":
        entry = written["style"][place[1]]
        name = entry.get("name") if isinstance(entry, dict) else None
        words.append(f"style “{name}”" if isinstance(name, str) else f"style {place[1] + 1}")
        place = place[2:]
    if place:
        words.append(".".join(str(step) for step in place))
    return f"{', '.join(words)}: {error['msg']}"


def needed_models(style: Style) -> list[tuple[str, str]]:
    """The files a style uses, as (folder, name)."""
    needed = [("checkpoints", style.checkpoint), ("vae", style.vae)]
    if not style.checkpoint:
        needed.append(("diffusion_models", style.unet))
        needed.extend(("text_encoders", name) for name in style.text_encoders)
    needed.extend(("loras", lora.name) for lora in style.loras)
    return [(folder, name) for folder, name in needed if name]


def missing_models(style: Style, catalogue: Catalogue) -> list[str]:
    """The files a style uses and the engine lacks."""
    there = catalogue.models()
    return [name for folder, name in needed_models(style) if name not in there[folder]]


def default_styles(catalogue: Catalogue) -> list[Style]:
    """One style for each checkpoint of an engine for which nobody wrote styles. The base is guessed from the file's name."""
    styles: dict[str, Style] = {}
    for checkpoint in catalogue.models()["checkpoints"]:
        title = PurePosixPath(checkpoint.replace("\\", "/")).stem
        name = _free_name(re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-") or "style", styles)
        base = guessed_base(title)
        styles[name] = Style(name=name, title=title, base=base, checkpoint=checkpoint, **DEFAULTS[base])
    return list(styles.values())


def guessed_base(file_name: str) -> Base:
    """The family a checkpoint most likely belongs to, by the habits of naming files."""
    name = file_name.lower()
    if "flux" in name:
        return Base.FLUX
    return Base.SDXL if "xl" in name else Base.SD15


def _free_name(name: str, taken: dict[str, Style]) -> str:
    if name not in taken:
        return name
    number = 2
    while f"{name}-{number}" in taken:
        number += 1
    return f"{name}-{number}"

"""An artist's own style: one of the service's, with what she has changed of it and LoRAs on top. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any

from .catalogue import Catalogue
from .graph import FILL_NODE
from .request import Lora, Style


@dataclass(frozen=True, slots=True)
class Overrides:
    """What is to be other than in the style; None: as it is there. `loras` replace the style's own."""

    checkpoint: str | None = None
    vae: str | None = None
    sampler: str | None = None
    scheduler: str | None = None
    steps: int | None = None
    cfg: float | None = None
    guidance: float | None = None
    prompt_template: str | None = None
    negative_prompt: str | None = None
    loras: tuple[Lora, ...] | None = None

    @classmethod
    def from_stored(cls, values: dict[str, Any]) -> Overrides:
        """The same again, from the JSON it was stored as."""
        loras = values["loras"]
        return cls(**{**values, "loras": None if loras is None else tuple(Lora(**lora) for lora in loras)})


def own_style(style: Style, overrides: Overrides | None, loras: Iterable[Lora]) -> Style:
    """The style that a picture is painted with.

    Another checkpoint brings its own text encoders and VAE, unless a VAE is named; it has to be of the style's base.
    """
    changes = {} if overrides is None else {name: value for name, value in _members(overrides).items() if value is not None}
    if "checkpoint" in changes:
        changes = {"unet": None, "text_encoders": (), "vae": None, **changes}
    changed = replace(style, **changes)
    return replace(changed, loras=(*changed.loras, *loras))


def _members(overrides: Overrides) -> dict[str, Any]:
    return {**asdict(overrides), "loras": overrides.loras}


def not_offered(style: Style, catalogue: Catalogue) -> list[tuple[str, str]]:
    """Sampler and scheduler that the engine does not have, as (member, name). One that tells none has what it is asked for."""
    wanted = (("sampler", "sampler_name", style.sampler), ("scheduler", "scheduler", style.scheduler))
    offers = {member: catalogue.choices("KSampler", node_input) for member, node_input, _ in wanted}
    return [(member, name) for member, _, name in wanted if offers[member] and name not in offers[member]]


def fill_models(catalogue: Catalogue) -> list[str]:
    """Files that can fill a hole: in the same folder lie parts of other methods, which cannot."""
    if not catalogue.has(FILL_NODE):
        return []
    return [name for name in catalogue.models()["inpaint"] if "fooocus" not in name.lower()]

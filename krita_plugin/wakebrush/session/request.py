"""From what she set and what she selected to the body of POST /v1/generate. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..canvas.region import ModelSize, Rect, RegionPlan
from ..client.model import Style
from ..i18n import tr
from .settings import LARGEST_SEED

#: FLUX works on 16-pixel patches, the others on the 8 pixels of their latent space.
_MULTIPLES = {"flux": 16}
_NAME_LENGTH = 60


@dataclass(frozen=True)
class PaintRequest:
    """What one press of the button asks for, before the region is captured. `strength`: above 0, up to 1; `gather`: it waits
    with other ideas until she wakes a machine for all of them."""

    mode: str
    prompt: str
    negative_prompt: str
    style: str
    strength: float
    seed: int | None
    count: int
    gather: bool = False

    @property
    def need_image(self) -> bool:
        return self.mode != "text_to_image"

    @property
    def need_mask(self) -> bool:
        return self.mode == "inpaint"

    @property
    def name(self) -> str:
        """The layer's name: the prompt's first words."""
        text = " ".join(self.prompt.split())
        return text if len(text) <= _NAME_LENGTH else text[: _NAME_LENGTH - 1].rstrip() + "…"


def choose_mode(*, is_empty: bool, has_selection: bool, strength: float) -> tuple[str, float]:
    """Mode and strength.

    A selection is always inpainted, so that it fits its surroundings; where nothing is painted there is nothing to keep.
    """
    if has_selection:
        return "inpaint", 1.0 if is_empty else strength
    if is_empty or strength >= 1:
        return "text_to_image", 1.0
    return "image_to_image", strength


def parse_seed(text: str) -> int | None:
    """The seed she typed; None lets the service pick. Raises ValueError with a sentence."""
    if not text.strip():
        return None
    if not text.strip().isdecimal() or int(text) > LARGEST_SEED:
        raise ValueError(
            tr("The seed is a whole number from 0 to {largest}, or empty for a new one each time.", largest=LARGEST_SEED)
        )
    return int(text)


def model_size(style: Style | None, max_pixels: int | None = None) -> ModelSize:
    """The sizes that suit a style's model."""
    style = style or Style("", "")
    return ModelSize(style.width, style.height, _MULTIPLES.get(style.base, 8), max_pixels)


def body(request: PaintRequest, plan: RegionPlan, uploads: dict[str, str], reference: str) -> dict[str, Any]:
    """The body of the call. `uploads`: checksums of `image` and `mask`, as far as they are needed."""
    return {
        "mode": request.mode,
        "prompt": request.prompt,
        "negative_prompt": request.negative_prompt,
        "style": request.style,
        "strength": request.strength,
        **uploads,
        "width": plan.width,
        "height": plan.height,
        "region": area_body(plan.area),
        "seed": request.seed,
        "count": request.count,
        "reference": reference,
        **({"gather": True} if request.gather else {}),
    }


def area_body(area: Rect) -> dict[str, int]:
    """A rectangle as the wire writes it."""
    return {"x": area.x, "y": area.y, "width": area.width, "height": area.height}

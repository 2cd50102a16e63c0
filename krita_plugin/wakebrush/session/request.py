"""From what she set and what is planned to the body of POST /v1/generate. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from ..canvas.plan import Fill, ModelSize, PaintPlan, Rect, RegionPlan
from ..client.model import Style
from ..i18n import tr
from .prompt_grammar import Share
from .settings import LARGEST_SEED

#: FLUX works on 16-pixel patches, and the others' 8-pixel latents are halved on their way through the model.
MULTIPLE = 16
_NAME_LENGTH = 60


@dataclass(frozen=True)
class Order:
    """Pictures of one press that are one job in each region: `count` of them, with `seed`, `seed` + 1 …; None: the service picks.

    `prompt`, `negative_prompt`: as they are sent. `loras`: as the wire writes them. `offset`: its picture 0 is this picture of
    the press.
    """

    prompt: str
    negative_prompt: str = ""
    seed: int | None = None
    count: int = 1
    loras: tuple[dict[str, Any], ...] = ()
    offset: int = 0


@dataclass(frozen=True)
class PaintRequest:
    """What one press of the button asks for, wherever it is painted. `prompt`, `negative_prompt`: as she typed them. `overrides`:
    her own style, on top of `style`. `gather`: it waits until she releases what is gathered."""

    prompt: str
    negative_prompt: str
    style: str
    orders: tuple[Order, ...]
    overrides: dict[str, Any] = field(default_factory=dict)
    gather: bool = False

    @property
    def name(self) -> str:
        """The layer's name: the prompt's first words."""
        text = " ".join(self.prompt.split())
        return text if len(text) <= _NAME_LENGTH else text[: _NAME_LENGTH - 1].rstrip() + "…"

    @property
    def count(self) -> int:
        """Pictures of the press."""
        return sum(order.count for order in self.orders)


def orders(shares: Iterable[Share]) -> tuple[Order, ...]:
    """What a prompt comes to, as it is sent."""
    return tuple(
        Order(each.prompt, each.negative_prompt, each.seed, each.count, tuple(asdict(lora) for lora in each.loras))
        for each in shares
    )


def portions(whole: Iterable[Order], most: int) -> tuple[Order, ...]:
    """The same pictures in jobs that the service takes: of at most `most` pictures, numbered through. Orders that are divided
    need a seed: raises ValueError without one."""
    found: list[Order] = []
    offset = 0
    for order in whole:
        if order.seed is None and order.count > most:
            raise ValueError("what is divided needs a seed")
        for first in range(0, order.count, most):
            count = min(most, order.count - first)
            seed = None if order.seed is None else (order.seed + first) % (LARGEST_SEED + 1)
            found.append(replace(order, seed=seed, count=count, offset=offset))
            offset += count
    return tuple(found)


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
    return ModelSize(style.width, style.height, MULTIPLE, max_pixels)


def body(
    request: PaintRequest,
    order: Order,
    plan: PaintPlan,
    region: RegionPlan,
    uploads: dict[str, str],
    *,
    reference: str,
    group: str,
) -> dict[str, Any]:
    """The body of the call. `uploads`: checksums of `image` and `mask`, as far as they are needed; `group`: the press."""
    first = region.first_pass
    optional = {
        "loras": list(order.loras),
        "overrides": request.overrides,
        "first_pass": None if first is None else {"width": first[0], "height": first[1]},
        "fill": "model" if region.fill is Fill.MODEL else None,
        "gather": request.gather,
    }
    return {
        "mode": plan.mode,
        "prompt": order.prompt,
        "negative_prompt": order.negative_prompt,
        "style": request.style,
        "strength": plan.strength,
        **uploads,
        "width": region.width,
        "height": region.height,
        "region": area_body(region.area),
        "seed": order.seed,
        "count": order.count,
        "reference": reference,
        "group": group,
        **{name: value for name, value in optional.items() if value},
    }


def area_body(area: Rect) -> dict[str, int]:
    """A rectangle as the wire writes it."""
    return {"x": area.x, "y": area.y, "width": area.width, "height": area.height}

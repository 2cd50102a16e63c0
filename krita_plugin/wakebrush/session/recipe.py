"""How a picture was made: enough to make it again. Kept with its layer, in saved PNG files, in the journal and the history.

Pure, but for `write_png`. As text it is one line of JSON in plain ASCII.
"""

from __future__ import annotations

import contextlib
import json
import struct
import zlib
from dataclasses import asdict, dataclass, field, replace
from enum import Enum
from typing import Any

from ..canvas.base import Placement, Where
from ..canvas.plan import RegionPlan
from ..canvas.rect import Rect
from ..canvas.scene import Fill, Mask, PlanSettings, Task
from ..qt import QImage
from .pictures import encode

#: Name of the text chunk in PNG files.
PNG_KEY = "wakebrush"
_VERSION = 1
#: Signature and header chunk of a PNG file, in bytes.
_AFTER_HEADER = 8 + 25


@dataclass(frozen=True)
class Recipe:
    """`prompt`, `negative`: as she typed them. `seed`: of this picture. `strength`: above 0, up to 1. `region`: x, y, width,
    height in document pixels; `selected`: the bounds of what was selected then; `size`: what was asked of the engine. `plan`:
    the plan settings of that press, by name. `frame`: of the animation, where there is one. `job`, `n`: where the
    service keeps the picture."""

    prompt: str = ""
    negative: str = ""
    style: str = ""
    seed: int | None = None
    task: str = Task.GENERATE.value
    strength: float = 1.0
    overrides: dict[str, Any] = field(default_factory=dict)
    loras: tuple[dict[str, Any], ...] = ()
    plan: dict[str, Any] = field(default_factory=dict)
    region: tuple[int, int, int, int] | None = None
    selected: tuple[int, int, int, int] | None = None
    size: tuple[int, int] | None = None
    frame: int | None = None
    job: str | None = None
    n: int = 0

    def of_picture(self, n: int, seed: int | None, job: str | None) -> Recipe:
        """The recipe of one picture of the press."""
        return replace(self, n=n, seed=self.seed if seed is None else seed, job=job)

    @property
    def plan_settings(self) -> PlanSettings:
        """The plan settings of that press; what is unknown here, or missing there, is as usual."""
        usual, values = PlanSettings(), {}
        for name, value in self.plan.items():
            if name in PlanSettings.__dataclass_fields__:
                with contextlib.suppress(TypeError, ValueError):  # of another version: as usual
                    values[name] = _like(getattr(usual, name), value)
        return replace(usual, **{**values, "task": self.wanted, "strength": self.strength})

    @property
    def wanted(self) -> Task:
        """Its task; one that is unknown here counts as generating."""
        return Task(self.task) if self.task in {task.value for task in Task} else Task.GENERATE

    def text(self) -> str:
        """One line of JSON in ASCII."""
        return json.dumps({"version": _VERSION, **asdict(self)}, ensure_ascii=True, default=_plain)


def parse(text: str | None) -> Recipe | None:
    """A recipe from its text; None for anything else."""
    try:
        value = json.loads(text or "")
        if value.pop("version") != _VERSION:
            return None
        return from_values(value)
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def from_values(value: dict[str, Any]) -> Recipe:
    """A recipe from its values as JSON gives them; unknown ones are left out. Raises TypeError, ValueError."""
    known = {name: each for name, each in value.items() if name in Recipe.__dataclass_fields__}
    for name in ("region", "selected"):
        if known.get(name) is not None:
            x, y, width, height = (int(each) for each in known[name])
            known[name] = (x, y, width, height)
    if known.get("size") is not None:
        width, height = (int(each) for each in known["size"])
        known["size"] = (width, height)
    known["loras"] = tuple(known.get("loras") or ())
    found = Recipe(**known)
    if not isinstance(found.prompt, str) or not isinstance(found.plan, dict):
        raise ValueError("no recipe")
    return found


def values(recipe: Recipe) -> dict[str, Any]:
    """A recipe as values for JSON."""
    found: dict[str, Any] = json.loads(json.dumps(asdict(recipe), default=_plain))
    return found


def of_request(
    body: dict[str, Any],
    settings: PlanSettings,
    *,
    prompt: str,
    negative: str,
    selected: Rect | None = None,
    frame: int | None = None,
) -> Recipe:
    """The recipe of a press. `body`: of POST /v1/generate; `prompt` and `negative` as she typed them; `selected`: the bounds of
    the selection; `frame`: of the animation."""
    region = body.get("region")
    return Recipe(
        prompt=prompt,
        negative=negative,
        style=str(body.get("style") or ""),
        seed=body.get("seed"),
        task=settings.task.value,
        strength=float(body.get("strength") or 1.0),
        overrides=body.get("overrides") or {},
        loras=tuple(body.get("loras") or ()),
        plan=json.loads(json.dumps(asdict(settings), default=_plain)),
        region=None if region is None else (region["x"], region["y"], region["width"], region["height"]),
        selected=None if selected is None else (selected.x, selected.y, selected.width, selected.height),
        size=(int(body["width"]), int(body["height"])),
        frame=frame,
    )


# A region and a placement in the journal.


def region_body(region: RegionPlan) -> dict[str, Any]:
    """What laying a result over the document needs of a region, as values for JSON."""
    found: dict[str, Any] = json.loads(json.dumps(asdict(region), default=_plain))
    return found


def region_of(value: dict[str, Any], area: tuple[int, int, int, int]) -> RegionPlan:
    """A region from the journal; without values all of `area` is painted."""
    if not value:
        return RegionPlan(Rect(*area), area[2], area[3])
    first, target = value.get("first_pass"), value.get("target")
    return RegionPlan(
        **{
            **value,
            "area": Rect(**value["area"]),
            "first_pass": None if first is None else (int(first[0]), int(first[1])),
            "mask": Mask(value["mask"]),
            "target": None if target is None else Rect(**target),
            "fill": Fill(value["fill"]),
        }
    )


def placement_body(placement: Placement) -> dict[str, Any]:
    """A placement as values for JSON."""
    found: dict[str, Any] = json.loads(json.dumps(asdict(placement), default=_plain))
    return found


def placement_of(value: dict[str, Any]) -> Placement:
    """A placement from the journal."""
    if not value:
        return Placement()
    captured, canvas = value.get("captured"), value.get("canvas")
    return Placement(
        **{
            **value,
            "where": Where(value["where"]),
            "captured": None if captured is None else (int(captured[0]), int(captured[1])),
            "canvas": None if canvas is None else Rect(**canvas),
        }
    )


# PNG files.


def write_png(image: QImage, recipe: Recipe) -> bytes:
    """The picture as a PNG file with its recipe in a tEXt chunk. Raises ValueError when Qt cannot."""
    content = encode(image)
    chunk = b"tEXt" + PNG_KEY.encode("ascii") + b"\0" + recipe.text().encode("ascii")
    framed = struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
    return content[:_AFTER_HEADER] + framed + content[_AFTER_HEADER:]


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    raise TypeError(f"{type(value).__name__} is no value of a recipe")


def _like(usual: Any, value: Any) -> Any:
    """A JSON value in the type that the settings use. Raises TypeError, ValueError."""
    if isinstance(usual, Enum):
        return type(usual)(value)
    if isinstance(usual, tuple):
        return tuple(int(each) for each in value)
    if usual is None:
        return None if value is None else float(value)
    return type(usual)(value)

"""Styles of her own: what she changed of one of the service's, under a name of hers. Values, and how they go to the service."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from ..client.catalogue import COMMERCIAL, Licence, Models
from ..client.model import Lora, Style
from ..i18n import later, tr
from .prompt_grammar import STRONGEST

#: The name of an own style begins so; a service's names never do (docs/wire.md: they are an admin's words).
OWN = "own:"
#: What says that a file holds styles of ours.
_FORMAT = "wakebrush-styles"
_NO_STYLES = later("{name} holds no styles of Wakebrush.")
_LONGEST = 4000
#: Members that may be changed, with their kind and range. Sizes in pixels.
_TEXTS = ("checkpoint", "vae", "sampler", "scheduler", "prompt_template", "negative_prompt")
_NUMBERS: dict[str, tuple[type, float, float]] = {"steps": (int, 1, 1000), "cfg": (float, 0, 100), "guidance": (float, 0, 100)}
_SIZES = (64, 8192)


@dataclass(frozen=True)
class OwnStyle:
    """A style on the basis of a service's style.

    `changes`: members of the wire's `overrides` that differ from the basis, but for LoRAs. `loras`: None for the basis's own.
    `width`, `height`: the model's size when it differs, else 0. `language`: what its text encoder reads, '' for any.
    """

    name: str
    title: str
    basis: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    loras: tuple[Lora, ...] | None = None
    width: int = 0
    height: int = 0
    language: str = "en"
    default_strength: float | None = None

    def overrides(self) -> dict[str, Any]:
        """The wire's `overrides`; empty when nothing differs."""
        written = dict(self.changes)
        if self.loras is not None:
            written["loras"] = [asdict(lora) for lora in self.loras]
        return written

    def files(self) -> list[tuple[str, str]]:
        """The model files it names, as (folder, name)."""
        named = [("checkpoints", self.changes.get("checkpoint")), ("vae", self.changes.get("vae"))]
        named += [("loras", lora.name) for lora in self.loras or ()]
        return [(folder, name) for folder, name in named if name]


def shown(own: OwnStyle, styles: Iterable[Style], models: Models) -> Style | None:
    """It, as the list of styles shows it; None while the service has not its basis."""
    basis = next((style for style in styles if style.name == own.basis), None)
    if basis is None:
        return None
    lacking = missing(own, models)
    # A checkpoint of its own makes what the basis lacks no matter.
    still = () if own.changes.get("checkpoint") else basis.missing
    if basis.barred or (basis.available is False and still):
        available: bool | None = False
    else:
        available = False if lacking else (True if models.known else basis.available)
    return replace(
        basis,
        name=own.name,
        title=own.title,
        width=own.width or basis.width,
        height=own.height or basis.height,
        default_strength=own.default_strength or basis.default_strength,
        available=available,
        missing=(*still, *lacking),
        licence=_licence(own, basis, models),
    )


def _licence(own: OwnStyle, basis: Style, models: Models) -> Licence | None:
    """Of all that is used: what it names itself, and what it still takes from its basis."""
    if not own.files():
        return basis.licence
    loras = [lora.name for lora in (basis.loras if own.loras is None else own.loras)]
    named = [str(own.changes.get(member) or getattr(basis, member)) for member in ("checkpoint", "vae")]
    whole = [] if named[0] else [basis.licence]  # a model of several files: only the service knows them
    return combined([*whole, *(models.licence(name) for name in [*named, *loras] if name)])


def missing(own: OwnStyle, models: Models) -> tuple[str, ...]:
    """What it names and the service has not; nothing while nobody knows."""
    if not models.known:
        return ()
    lacking = [name for folder, name in own.files() if name not in models.of(folder)]
    for member, known in (("sampler", models.samplers), ("scheduler", models.schedulers)):
        chosen = own.changes.get(member)
        if chosen and known and chosen not in known:
            lacking.append(chosen)
    return tuple(lacking)


def combined(licences: Iterable[Licence | None]) -> Licence | None:
    """The licence of several models together: the strictest; "yes" only when it is known of all of them."""
    several = list(licences)
    known = [licence for licence in several if licence is not None and licence.commercial is not None]
    if not known:
        return next((licence for licence in several if licence is not None), None)
    strictest = max(known, key=lambda licence: COMMERCIAL.index(licence.commercial or ""))
    if strictest.commercial == "yes" and len(known) < len(several):
        return Licence()
    return strictest


def licence_words(licence: Licence | None, *, practice: bool = False) -> str:
    """`commercial use: ask · FLUX.1 dev`; '' when nothing is known. `practice`: no model is behind it."""
    if licence is None or (practice and licence == Licence()):
        return ""
    said = {"yes": tr("commercial use: yes"), "no": tr("commercial use: no"), "ask": tr("commercial use: ask")}
    words = said.get(licence.commercial or "", tr("commercial use: not known"))
    return f"{words} · {licence.name}" if licence.name else words


def language_notice(language: str, prompt: str) -> str:
    """What she should know when the style's model does not read what she writes; else ''."""
    if language == "en" and re.search("[\u0370-\u1fff\u2e80-\ud7a3\uf900-\ufaff]", prompt):
        return tr("This style reads English; other words may be passed over.")
    return ""


def exported(styles: Iterable[OwnStyle]) -> str:
    """Styles as the text of a file."""
    return json.dumps({"format": _FORMAT, "version": 1, "styles": [asdict(own) for own in styles]}, ensure_ascii=False, indent=1)


def imported(text: str, name: str) -> list[OwnStyle]:
    """The styles in a file's text; `name` is what the file is called. Raises ValueError, a sentence."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(tr(_NO_STYLES, name=name)) from error
    if not isinstance(content, dict) or content.get("format") != _FORMAT or not isinstance(content.get("styles"), list):
        raise ValueError(tr(_NO_STYLES, name=name))
    return [parse(each) for each in content["styles"]]


def parse(value: Any) -> OwnStyle:
    """A style as `exported` wrote it. Raises ValueError, a sentence that names what is wrong."""
    value = value if isinstance(value, dict) else {}
    title, basis = str(value.get("title") or "").strip()[:100], str(value.get("basis") or "")
    if not title or not basis:
        raise ValueError(tr("A style needs a title, and a style of the service that it begins with."))
    changes = {}
    for member, chosen in (value.get("changes") if isinstance(value.get("changes"), dict) else {}).items():
        changes[member] = _member(title, member, chosen)
    return OwnStyle(
        name=own_name(title),
        title=title,
        basis=basis,
        changes=changes,
        loras=_loras(title, value.get("loras")),
        width=_size(title, value.get("width")),
        height=_size(title, value.get("height")),
        language=str(value.get("language") or ""),
        default_strength=_strength(title, value.get("default_strength")),
    )


def own_name(title: str) -> str:
    """What a style with this title is called in settings and recipes."""
    return OWN + title


def _member(title: str, member: str, chosen: Any) -> Any:
    if member in _TEXTS and isinstance(chosen, str) and len(chosen) <= _LONGEST:
        return chosen
    if member in _NUMBERS:
        kind, least, most = _NUMBERS[member]
        if _is_number(chosen) and least <= chosen <= most and kind(chosen) == chosen:
            return kind(chosen)
    raise _flaw(title, member)


def _loras(title: str, value: Any) -> tuple[Lora, ...] | None:
    if value is None:
        return None
    if not isinstance(value, list):
        raise _flaw(title, "loras")
    found = []
    for each in value:
        name: Any = each.get("name") if isinstance(each, dict) else None
        strength: Any = each.get("strength", 1.0) if isinstance(each, dict) else None
        if not isinstance(name, str) or not name or not _is_number(strength) or abs(strength) > STRONGEST:
            raise _flaw(title, "loras")
        found.append(Lora(name, float(strength)))
    return tuple(found)


def _size(title: str, value: Any) -> int:
    if not value:
        return 0
    if not isinstance(value, int) or not _SIZES[0] <= value <= _SIZES[1] or value % 8:
        raise _flaw(title, "width, height")
    return value


def _strength(title: str, value: Any) -> float | None:
    if value is None:
        return None
    if not _is_number(value) or not 0 < value <= 1:
        raise _flaw(title, "default_strength")
    return float(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _flaw(title: str, member: str) -> ValueError:
    return ValueError(tr("The style “{title}” cannot be used: {member} is not what Wakebrush knows.", title=title, member=member))

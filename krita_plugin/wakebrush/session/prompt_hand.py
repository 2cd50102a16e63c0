"""What her hands do inside a prompt: the weight of a word by keys, and the piece of text that is being typed. Pure.

Places count characters (code points), not Qt's half characters.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

STEP = 0.1
LEAST, MOST = 0.1, 2.0
#: A word is what stands between these; an escaped sign belongs to it.
_WORD = re.compile(r"(?:\\.|[^\s,.;:!?(){}|<>#，。；：！？、（）])+")
_WEIGHTED = re.compile(r"(?<!\\)\((?P<words>(?:\\.|[^()\\])*?)(?::(?P<weight>\d*\.?\d+))?\)")
_LORA = re.compile(r"<lora:(?P<words>[^:<>]*)(?::(?P<weight>-?\d*\.?\d+))?>", re.IGNORECASE)
#: What ends the piece of text that suggestions are made for.
_ENDS = re.compile(r"[,.;:!?(){}|<>\n，。；：！？、（）]")


@dataclass(frozen=True)
class Edit:
    """`text[start:end]` is replaced by `new`; `selected` of the result is selected afterwards."""

    start: int
    end: int
    new: str
    selected: tuple[int, int]

    def applied(self, text: str) -> str:
        return text[: self.start] + self.new + text[self.end :]


@dataclass(frozen=True)
class Piece:
    """What is being typed: `text` from `start` up to the cursor. `lora`: the name of a LoRA is being written."""

    start: int
    text: str
    lora: bool = False


def reweigh(text: str, start: int, end: int, up: bool) -> Edit | None:
    """One step more or less weight for what is selected, or for the word or the bracket that the cursor is in.

    A LoRA changes its strength. At 1 the brackets go. None where there is no word.
    """
    direction = STEP if up else -STEP
    for pattern, low in ((_LORA, -10.0), (_WEIGHTED, LEAST)):
        for found in pattern.finditer(text):
            if found.start() <= start and end <= found.end() and _touches(found, start, end):
                return _changed(found, direction, low, lora=pattern is _LORA)
    if start == end:
        word = next((found for found in _WORD.finditer(text) if found.start() <= start <= found.end()), None)
        if word is None:
            return None
        start, end = word.span()
    while start < end and text[start] in " \n,":
        start += 1
    while end > start and text[end - 1] in " \n,":
        end -= 1
    if start == end:
        return None
    words = text[start:end]
    return Edit(start, end, f"({words}:{_shown(1 + direction)})", (start + 1, start + 1 + len(words)))


def piece_at(text: str, cursor: int) -> Piece | None:
    """What is being typed at the cursor, for which suggestions make sense; None in a comment or in front of nothing."""
    before = text[:cursor]
    line = before.rsplit("\n", 1)[-1]
    if re.search(r"(?:^|\s)#", line):
        return None
    lora = re.search(r"<lora:([^:<>\n]*)\Z", before, re.IGNORECASE)
    if lora:
        return Piece(lora.start(1), lora[1], lora=True)
    ends = [found.end() for found in _ENDS.finditer(before) if not _is_escaped(before, found.start())]
    start = ends[-1] if ends else 0
    if start and before[start - 1] == ":" and re.search(r"[(<][^()<>]*:\Z", before[:start]):
        return None  # a weight is being typed
    typed = before[start:].lstrip()
    return Piece(cursor - len(typed), typed) if typed else None


def in_tag_form(name: str) -> str:
    """A tag as it is written in a prompt: spaces for underscores, and brackets that are no weights."""
    spaced = name if len(name) <= 3 else name.replace("_", " ")
    return re.sub(r"(?<!\\)([()])", r"\\\1", spaced)


def _touches(found: re.Match[str], start: int, end: int) -> bool:
    """Whether a cursor or selection is inside or right at the bracket, not just at its border with the next word."""
    return start < end or found.start() < start < found.end() or not _beside_word(found, start)


def _beside_word(found: re.Match[str], place: int) -> bool:
    text = found.string
    neighbour = text[found.end() : found.end() + 1] if place == found.end() else text[found.start() - 1 : found.start()]
    return bool(_WORD.match(neighbour))


def _changed(found: re.Match[str], direction: float, low: float, *, lora: bool) -> Edit:
    words = found["words"]
    weight = float(found["weight"] or (1.0 if lora else 1.1))
    weight = round(max(low, min(10.0 if lora else MOST, weight + direction)), 2)
    if lora:
        opening, new = "<lora:", f"<lora:{words}:{_shown(weight)}>"
    elif abs(weight - 1) < STEP / 2:
        opening, new = "", words
    else:
        opening, new = "(", f"({words}:{_shown(weight)})"
    first = found.start() + len(opening)
    return Edit(found.start(), found.end(), new, (first, first + len(words)))


def _shown(weight: float) -> str:
    return f"{weight:.2f}".rstrip("0").rstrip(".")


def _is_escaped(text: str, place: int) -> bool:
    slashes = len(text[:place]) - len(text[:place].rstrip("\\"))
    return slashes % 2 == 1

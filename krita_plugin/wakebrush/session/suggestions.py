"""What is offered for the piece of a prompt that is being typed. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from .prompt_grammar import stem
from .prompt_hand import Piece, in_tag_form
from .tags import Tag

MOST = 10
#: So many of the last words may belong to one tag.
_WORDS = 4


@dataclass(frozen=True)
class Suggestion:
    """`text` takes the place of what was typed since `start`; `label` and `hint` are shown."""

    start: int
    text: str
    label: str
    hint: str = ""


class Words(Protocol):
    """Where tags are found."""

    def find(self, typed: str, limit: int = ...) -> list[Tag]:
        """Tags for what was typed, the best first."""


def suggest(piece: Piece | None, words: Words, loras: Iterable[str]) -> list[Suggestion]:
    """The best first, at most ten; nothing for a single letter, or when only what was typed already would be offered."""
    if piece is None:
        return []
    return _loras(piece, loras) if piece.lora else _tags(piece, words)


def _tags(piece: Piece, words: Words) -> list[Suggestion]:
    """For as many of the last words as begin a tag."""
    typed = piece.text.split(" ")
    for first in range(max(0, len(typed) - _WORDS), len(typed)):
        text = " ".join(typed[first:])
        if not text or (len(text) < 2 and text.isascii()):
            continue
        found = words.find(text, MOST)
        if found:
            start = piece.start + len(piece.text) - len(text)
            offered = [Suggestion(start, in_tag_form(tag.name), tag.name, _hint(tag, text)) for tag in found]
            return [] if len(offered) == 1 and offered[0].text == text else offered
    return []


def _hint(tag: Tag, typed: str) -> str:
    """The other name that was typed, else a gloss in another script; and how common the tag is."""
    begun = [alias for alias in tag.aliases if alias.casefold().startswith(typed.casefold())]
    glosses = [alias for alias in tag.aliases if not alias.isascii()]
    known = [] if in_tag_form(tag.name).casefold().startswith(typed.casefold()) else begun
    said = (known or glosses or [""])[0]
    return "  ".join(filter(None, [said, _short(tag.count)]))


def _short(count: int) -> str:
    """`950`, `12k`, `3.4M`; '' for none."""
    if count < 1000:
        return str(count) if count else ""
    return f"{count / 1000:.0f}k" if count < 1_000_000 else f"{count / 1_000_000:.1f}M"


def _loras(piece: Piece, files: Iterable[str]) -> list[Suggestion]:
    typed = piece.text.strip().casefold()
    names = sorted({file: _shortest(file) for file in files}.items(), key=lambda pair: pair[1].casefold())
    fitting = [pair for pair in names if typed in pair[1].casefold()]
    fitting.sort(key=lambda pair: not pair[1].casefold().startswith(typed))
    return [Suggestion(piece.start, f"{name}:1>", name, file) for file, name in fitting[:MOST]]


def _shortest(file: str) -> str:
    name = stem(file)
    return name if name and not set(name) & set(":<>") else file

"""What she writes and with which style: the session's part that belongs to the document in front."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from ..client.errors import ServiceError
from ..client.model import Style
from ..client.service import Service
from ..client.store import KeyValueStore
from ..i18n import tr
from ..qt import QObject, Signal
from .document_settings import DocumentSettings
from .link import Link
from .prompt_grammar import merged, named, read, shares, varies
from .prompt_hand import Piece
from .request import Order, orders
from .settings import PaintSettings
from .style_book import StyleBook
from .styles import OwnStyle, exported
from .suggestions import Suggestion, suggest
from .tags import Tags, UnreadableList
from .words import Notice, garbled_notice


@dataclass(frozen=True)
class Asked:
    """What one press asks for in words: the service's `style`, her own style's `overrides` on top of it, and the pictures."""

    style: str
    overrides: dict[str, Any]
    orders: tuple[Order, ...]


class Writing(QObject):
    """Styles, words and documents. `told(Notice)`: a sentence for the error line."""

    told = Signal(object)

    def __init__(self, link: Link, settings: PaintSettings, store: KeyValueStore, folder: Path) -> None:
        super().__init__()
        self._link = link
        self._settings = settings
        self.book = StyleBook(store)
        self.documents = DocumentSettings(settings)
        self.tags = Tags(link.lanes, folder / "words")

    def start(self) -> None:
        """Reads the lists of words."""
        self.tags.load(self.failed)
        if self.book.flaw:
            self.told.emit(Notice(self.book.flaw, tr("Styles of your own are not there until you import them again.")))

    def online(self) -> None:
        """The service is there: asks what it can load. Styles tell what is missing as soon as that is known."""
        self._link.ask("ask", Service.models, self.book.know, self._unknown)

    @property
    def style(self) -> Style | None:
        """The chosen style, or the first that can be used."""
        chosen = self.book.find(self._settings.style)
        return chosen or next((style for style in self.book.styles if style.available is not False), None)

    @property
    def language_notice(self) -> str:
        """What she should know when the style does not read what she writes."""
        style = self.style
        return "" if style is None else self.book.language_notice(style.name, self._settings.prompt)

    def choose(self, name: str) -> None:
        """She picks a style; its strength comes with it."""
        style = self.book.find(name)
        if style is not None and style.name != self._settings.style:
            self._settings.style = style.name
            self._settings.strength = round(style.default_strength * 100)

    def renamed(self, before: str, after: str) -> None:
        """A style of hers has another name now."""
        if self._settings.style == before:
            self._settings.style = after

    def take_up(self, style: str, overrides: dict[str, Any]) -> None:
        """A result's style is painted with again; one of hers that is gone, or somebody else's, becomes one of hers."""
        try:
            self._settings.style = self.book.take_up(style, overrides)
        except ValueError as flaw:
            self.failed(flaw)

    @property
    def offers_words(self) -> bool:
        """Whether words are offered while she types."""
        return self._settings.completion

    def offer_words(self, on: bool) -> None:
        self._settings.completion = on

    def suggestions(self, piece: Piece) -> list[Suggestion]:
        """Words for what is being typed."""
        return suggest(piece, self.tags, self.book.models.of("loras")) if self._settings.completion else []

    @property
    def words(self) -> str:
        """What is left of the prompt without comments and LoRAs. Raises ValueError, a sentence."""
        return read(self._settings.prompt)[0]

    def check(self, *, connected: bool, wordless: bool) -> None:
        """Raises ValueError, a sentence, while nothing can be asked for. `wordless`: the task needs no words."""
        if not self.words and not wordless:
            raise ValueError(tr("Say in the prompt what you want to see."))
        if self.style is None and not connected:
            raise ValueError(tr("One moment: the service has not answered yet."))
        if self.style is None:
            raise ValueError(tr("The service has no style to paint with. Ask your admin to set one up."))

    def asked(self, style: Style, seed: int | None, count: int) -> Asked:
        """What a press asks for now. Raises ValueError, a sentence: what cannot be read, or is not there."""
        prompt, negative = self._settings.prompt, self._settings.negative_prompt
        if seed is None and varies(prompt, negative):
            seed = random.getrandbits(32)
        known = self.book.models.of("loras")
        found = [replace(share, loras=merged(named(share.loras, known))) for share in shares(prompt, negative, seed, count)]
        return Asked(*self.book.asked(style.name), tuple(orders(found)))

    # Files: read and written off the GUI thread.

    def import_styles(self, path: Path) -> None:
        """Adds the styles of a file."""

        def take(text: str) -> None:
            try:
                self.book.take(text, path.name)
            except ValueError as flaw:
                self.failed(flaw)

        read = partial(path.read_text, encoding="utf-8", errors="replace")
        self._link.lanes.run("words", read, take, partial(self._file_failed, path))

    def export_styles(self, path: Path, styles: tuple[OwnStyle, ...]) -> None:
        """Writes styles of hers to a file."""
        write = partial(path.write_text, exported(styles), encoding="utf-8")
        self._link.lanes.run("disk", write, None, partial(self._file_failed, path))

    def add_words(self, path: Path) -> None:
        """Offers the words of a list of hers too."""
        self.tags.add(path, self.failed)

    def remove_words(self, name: str) -> None:
        """Offers the words of that list no more."""
        self.tags.remove(name, self.failed)

    def failed(self, error: Exception) -> None:
        """Says what went wrong with a file."""
        known = isinstance(error, (UnreadableList, ValueError)) and not isinstance(error, UnicodeError)
        sentence = str(error) if known else tr("The words could not be read ({reason}).", reason=error)
        self.told.emit(Notice(sentence))

    def _file_failed(self, path: Path, error: Exception) -> None:
        reason = (isinstance(error, OSError) and error.strerror) or str(error)
        self.told.emit(Notice(tr("{name} cannot be read or written ({reason}).", name=path.name, reason=reason)))

    def _unknown(self, error: Exception) -> None:
        """Nobody knows what the service can load: names go as they are, and the service judges them."""
        if not isinstance(error, ServiceError):
            self.told.emit(garbled_notice(error))

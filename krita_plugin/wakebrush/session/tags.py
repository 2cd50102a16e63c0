"""Words that are offered while she types: a list of painting words, and lists of tags that she adds.

A list is a CSV file with the columns name, category, count, aliases (the last ones may be missing), as collections of tags are
passed around; `count` says how common a tag is. Her lists lie in a folder of her own, where they were copied to.
"""

from __future__ import annotations

import csv
import os
import shutil
from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ..i18n import tr
from ..qt import QObject, Signal
from .lanes import Lanes

OWN_WORDS = Path(__file__).with_name("painting_words.csv")
#: More would make every key slow to answer and the docker heavy; the lists that people share have 100,000 to 200,000.
MOST_TAGS = 300_000
#: A line of a CSV file that is longer holds no tag.
_LONGEST_LINE = 20_000


class UnreadableList(ValueError):
    """A file is no list of tags; the message is a sentence."""


@dataclass(frozen=True)
class Tag:
    """`aliases`: other words for it, in any language. `count`: how often it is used, by whoever made the list."""

    name: str
    category: str = ""
    count: int = 0
    aliases: tuple[str, ...] = ()


class TagIndex:
    """Tags by the beginning of their words. Built once (about a second for 200,000 tags), then asked at every key.

    The names are kept in one text that is searched as a whole: a few bytes a tag, and a few milliseconds at worst.
    """

    def __init__(self, tags: Iterable[Tag] = ()) -> None:
        ranked = sorted(_once(tags), key=lambda tag: -tag.count)[:MOST_TAGS]
        self._tags = ranked
        self._names = _Lines((_key(tag.name), number) for number, tag in enumerate(ranked))
        self._aliases = _Lines((_key(alias), number) for number, tag in enumerate(ranked) for alias in tag.aliases)

    def __len__(self) -> int:
        return len(self._tags)

    def find(self, typed: str, limit: int = 12) -> list[Tag]:
        """Tags that begin with what was typed; then those that are also called so; then those with such a word in them."""
        key = _key(typed)
        if not key or limit < 1:
            return []
        found: dict[int, None] = {}
        for lines, before in ((self._names, "\n"), (self._aliases, "\n"), (self._names, " "), (self._aliases, " ")):
            for number in lines.with_text(before + key):
                found.setdefault(number)
                if len(found) == limit:
                    return [self._tags[each] for each in found]
        return [self._tags[each] for each in found]


class _Lines:
    """Many short texts as one, and whose each is."""

    def __init__(self, lines: Iterable[tuple[str, int]]) -> None:
        texts, self._starts, self._owners = [""], array("Q"), array("Q")
        place = 0
        for text, owner in lines:
            self._starts.append(place)
            self._owners.append(owner)
            texts.append(text)
            place += 1 + len(text)
        self._text = "\n".join(texts)

    def with_text(self, text: str) -> Iterator[int]:
        """The owners of lines that hold it."""
        place = self._text.find(text)
        while place >= 0:
            yield self._owners[bisect_right(self._starts, place) - 1]
            place = self._text.find(text, place + 1)


class Tags(QObject):
    """All lists that are used now. They are read in a lane; until then, nothing is found. `changed()`: there are others now."""

    changed = Signal()

    def __init__(self, lanes: Lanes, folder: Path) -> None:
        super().__init__()
        self._lanes = lanes
        self._folder = folder
        self._index = TagIndex()

    def __len__(self) -> int:
        return len(self._index)

    def find(self, typed: str, limit: int = 12) -> list[Tag]:
        return self._index.find(typed, limit)

    def load(self, failed: Callable[[Exception], None]) -> None:
        """Reads all lists anew. A list that cannot be read is told to `failed`; the others are used all the same."""

        def read() -> tuple[TagIndex, list[UnreadableList]]:
            tags, flaws = [], []
            for path in (OWN_WORDS, *lists_in(self._folder)):
                try:
                    tags += read_list(path)
                except UnreadableList as flaw:
                    flaws.append(flaw)
            return TagIndex(tags), flaws

        def use(done: tuple[TagIndex, list[UnreadableList]]) -> None:
            self._index, flaws = done
            self.changed.emit()
            for flaw in flaws:
                failed(flaw)

        self._lanes.run("words", read, use, failed)

    def add(self, path: Path, failed: Callable[[Exception], None]) -> None:
        """Takes a list of hers along: checks it, copies it, and reads all of them."""

        def copy() -> None:
            read_list(path)
            try:
                self._folder.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, self._folder / path.with_suffix(".csv").name)
            except shutil.SameFileError:
                pass  # she chose one that is there already
            except OSError as error:
                raise UnreadableList(
                    tr("The list {name} could not be kept ({reason}).", name=path.name, reason=error.strerror or str(error))
                ) from error

        self._lanes.run("words", copy, lambda _: self.load(failed), failed)

    def remove(self, name: str, failed: Callable[[Exception], None]) -> None:
        """Forgets a list of hers."""
        self._lanes.run("words", lambda: (self._folder / name).unlink(missing_ok=True), lambda _: self.load(failed), failed)

    def names(self) -> list[str]:
        """Her lists."""
        return [path.name for path in lists_in(self._folder)]


def lists_in(folder: Path) -> list[Path]:
    """The lists in a folder, which need not exist."""
    return sorted(path for path in folder.glob("*.csv") if path.is_file())


def read_list(path: Path) -> list[Tag]:
    """The tags in a CSV file. Raises UnreadableList."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            tags = list(_tags_in(file))
    except OSError as error:
        reason = error.strerror or os.strerror(error.errno or 0)
        raise UnreadableList(tr("The list {name} cannot be read ({reason}).", name=path.name, reason=reason)) from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise UnreadableList(
            tr("{name} is no list of words. It is a text file in UTF-8 with name, category, count, aliases.", name=path.name)
        ) from error
    if not tags:
        raise UnreadableList(tr("There are no words in {name}.", name=path.name))
    return tags


def _tags_in(file: Iterable[str]) -> Iterator[Tag]:
    rows = csv.reader(line for line in file if len(line) <= _LONGEST_LINE)
    for number, row in enumerate(rows):
        if number == 0 and len(row) > 1 and row[0].strip().casefold() in ("name", "tag"):
            continue
        cells = [cell.strip() for cell in row] + [""] * 4
        if cells[0]:
            count = int(cells[2]) if cells[2].isdecimal() else 0
            aliases = tuple(alias.strip() for alias in cells[3].split(",") if alias.strip())
            yield Tag(cells[0], cells[1], count, aliases)


def _once(tags: Iterable[Tag]) -> Iterator[Tag]:
    """Each name once, as it is first told."""
    seen: set[str] = set()
    for tag in tags:
        key = _key(tag.name)
        if key not in seen:
            seen.add(key)
            yield tag


def _key(text: str) -> str:
    """How texts are compared: `Long_Hair` is `long hair`."""
    return " ".join(text.replace("_", " ").replace("\\", "").split()).casefold()

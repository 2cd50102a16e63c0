"""A document's history as bytes for its file, and back. For worker threads.

    "WBH1", length of the header (4 bytes, big-endian), header (zlib, JSON), blobs

What goes into the file is complete in itself: pictures as they would be laid over the document (JPEG), and how much of them
shows. Bytes from a file are strangers': nothing in them names a path, and nothing in them is sent.
"""

from __future__ import annotations

import contextlib
import json
import re
import struct
import zlib
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any

from ..canvas.base import Canvas, LayerPixels, UnreadablePicture
from ..canvas.gray import assembled, gray_image, gray_rows
from ..journal import Entry, Journal, Kept, Mark
from ..qt import QImage
from .items import Item, Piece
from .pictures import encode, encode_jpeg
from .prepared import Missing, prepare, rows_of
from .recipe import region_body

MAGIC = b"WBH1"
#: Items beyond this number stay out, the oldest first.
MOST_ITEMS = 500
_MOST_HEADER = 16 * 1024 * 1024
_KEY = re.compile(r"[0-9A-Za-z-]{1,64}")
_JPEG = b"\xff\xd8"


@dataclass(frozen=True)
class Packed:
    """`content`: for the file; `full`: key and number of the results whose pictures are in it."""

    content: bytes
    full: frozenset[tuple[str, int]]


def pack(
    canvas: Canvas, journal: Journal, items: Iterable[Item], most_bytes: int, document: dict[str, Any] | None = None
) -> Packed:
    """As much of the items as fits into `most_bytes`: starred ones before others, newer ones before older ones. `document`: what
    the docker's fields hold for it (document_settings.py).

    One whose picture does not fit keeps its thumbnail and its recipe; the service has the picture for some time. Raises OSError.
    """
    left = most_bytes
    known: list[tuple[Item, list[bytes]]] = []
    for item in sorted(items, key=lambda item: (not item.starred, -item.at))[:MOST_ITEMS]:
        thumbnails = [encode_jpeg(piece.thumbnail) for piece in item.pieces]
        left -= sum(map(len, thumbnails))
        if left < 0:
            break
        known.append((item, thumbnails))
    parcels: dict[str, _Parcel] = {}
    full: set[tuple[str, int]] = set()
    for item, thumbnails in known:
        pictures = _pictures(canvas, journal, item) if left > 0 else None
        fits = pictures is not None and sum(picture.size for picture in pictures) <= left
        for number, piece in enumerate(item.pieces):
            parcel = parcels.setdefault(piece.entry.key, _Parcel(piece.entry))
            n = piece.mark.n
            parcel.blobs[f"thumbnail-{n}"] = thumbnails[number]
            parcel.marks.append(replace(piece.mark, saved=fits, remote=not fits, offered=False))
            if fits and pictures is not None:
                parcel.blobs.update(pictures[number].files(n))
                left -= pictures[number].size
                full.add((piece.entry.key, n))
    return Packed(_bytes(parcels.values(), document or {}) if parcels else b"", frozenset(full))


def unpack(content: bytes) -> list[tuple[Kept, dict[str, bytes]]]:
    """The entries in a file's history with their files by name. Raises ValueError for anything that is not a history."""
    if not content:
        return []
    header, blobs = _header(content)
    try:
        return [_entry(value, blobs) for value in header["entries"]]
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError("a damaged history") from error


def document_of(content: bytes) -> Any:
    """What the docker's fields held for the document; nobody has looked at it yet. Raises ValueError as `unpack` does."""
    return _header(content)[0].get("document")


def _header(content: bytes) -> tuple[dict[str, Any], bytes]:
    if content[:4] != MAGIC or len(content) < 8:
        raise ValueError("no history")
    (length,) = struct.unpack(">I", content[4:8])
    try:
        header = json.loads(zlib.decompressobj().decompress(content[8 : 8 + length], _MOST_HEADER))
    except zlib.error as error:
        raise ValueError("a damaged history") from error
    if not isinstance(header, dict):
        raise ValueError("a damaged history")
    return header, content[8 + length :]


@dataclass(frozen=True)
class _Picture:
    """One region of an item, complete in itself. `alpha` None: all of it shows."""

    colours: bytes
    alpha: bytes | None

    @property
    def size(self) -> int:
        return len(self.colours) + len(self.alpha or b"")

    def files(self, n: int) -> dict[str, bytes]:
        return {f"result-{n}": self.colours, **({} if self.alpha is None else {"alpha.png": self.alpha})}


class _Parcel:
    """An entry on its way into a file."""

    def __init__(self, entry: Entry) -> None:
        self.entry = entry
        self.marks: list[Mark] = []
        self.blobs: dict[str, bytes] = {}


def _pictures(canvas: Canvas, journal: Journal, item: Item) -> list[_Picture] | None:
    """An item's pictures for the file: made once, then taken from disk. None when they cannot be had."""
    cached = [_cached(journal, piece) for piece in item.pieces]
    if all(cached):
        return [picture for picture in cached if picture is not None]
    try:
        prepared = prepare(canvas, journal, item)
    except (Missing, UnreadablePicture):
        return None
    made = [_made(layer) for layer in prepared.layers]
    for piece, picture in zip(item.pieces, made, strict=True):
        with contextlib.suppress(OSError):  # it is made again when it is missing
            journal.cache(piece.entry.key, f"history-{piece.mark.n}", picture.colours)
            if picture.alpha is not None:
                journal.cache(piece.entry.key, f"history-alpha-{piece.mark.n}", picture.alpha)
    return made


def _cached(journal: Journal, piece: Piece) -> _Picture | None:
    key, n = piece.entry.key, piece.mark.n
    colours = journal.cached(key, f"history-{n}")
    if colours is not None:
        return _Picture(colours, journal.cached(key, f"history-alpha-{n}"))
    result = journal.result(key, n)
    if result is not None and result.startswith(_JPEG) and not piece.region.match_colours:
        return _Picture(result, journal.picture(key, "alpha"))  # it came out of a file
    return None


def _made(layer: LayerPixels) -> _Picture:
    area = layer.area
    row = 4 * area.width
    pixels = rows_of(layer)

    def colours(top: int, rows: int) -> QImage:
        return QImage(pixels(top, rows), area.width, rows, row, QImage.Format.Format_RGB32).copy()

    def shown(top: int, rows: int) -> QImage:
        return gray_image(pixels(top, rows)[3::4], area.width, rows)

    content = encode_jpeg(assembled(area.width, area.height, QImage.Format.Format_RGB32, colours))
    alpha = assembled(area.width, area.height, QImage.Format.Format_Grayscale8, shown)
    if all(values.count(255) == len(values) for values in gray_rows(alpha)):
        return _Picture(content, None)
    return _Picture(content, encode(alpha))


def _bytes(parcels: Iterable[_Parcel], document: dict[str, Any]) -> bytes:
    entries, blobs, start = [], [], 0
    for parcel in parcels:
        places = {}
        for name, blob in parcel.blobs.items():
            places[name] = [start, len(blob)]
            blobs.append(blob)
            start += len(blob)
        # Where the file lay on her computer is nobody's business who gets the file.
        entry = asdict(replace(parcel.entry, document_id="", document_path="", uploads={}, region=_complete(parcel.entry)))
        entries.append({"entry": entry, "marks": [asdict(mark) for mark in parcel.marks], "blobs": places})
    header = zlib.compress(json.dumps({"version": 1, "entries": entries, "document": document}).encode("ascii"))
    return b"".join([MAGIC, struct.pack(">I", len(header)), header, *blobs])


def _complete(entry: Entry) -> dict[str, Any]:
    """The region of pictures that are as they will be laid over the document: nothing is left to match."""
    region = Piece(entry, Mark(0), QImage()).region
    return region_body(replace(region, match_colours=False))


def _entry(value: dict[str, Any], blobs: bytes) -> tuple[Kept, dict[str, bytes]]:
    entry = Entry(**{**value["entry"], "area": tuple(int(each) for each in value["entry"]["area"]), "cancelled": False})
    named = _KEY.fullmatch(entry.key) and _KEY.fullmatch(entry.press_id) and isinstance(entry.name, str)
    sound = all(isinstance(each, dict) for each in (entry.request, entry.region, entry.recipe, entry.placement))
    if not named or not sound or len(entry.area) != 4 or not 0 <= entry.part < entry.parts <= MOST_ITEMS:
        raise ValueError("a damaged history")
    marks = {int(each["n"]): Mark(**{**each, "n": int(each["n"])}) for each in value["marks"]}
    files = {}
    for n in marks:
        for name in (f"result-{n}", f"thumbnail-{n}", "alpha.png"):
            if name in value["blobs"]:
                start, length = (int(each) for each in value["blobs"][name])
                if start < 0 or length < 0 or start + length > len(blobs):
                    raise ValueError("a damaged history")
                files[name] = blobs[start : start + length]
    Piece(entry, Mark(0), QImage()).region  # noqa: B018 (raises for values that are no region)
    return Kept(entry, marks, closed=True), files

"""Results live in her file: within its limits, complete in themselves, and never in another document's."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from wakebrush.canvas.plan import RegionPlan
from wakebrush.journal import Journal
from wakebrush.session import Session
from wakebrush.session.packing import MAGIC, pack, unpack
from wakebrush.session.pictures import decode
from wakebrush.session.recipe import region_body

from .fake_canvas import FakeCanvas
from .some_results import AREA, Shop, alpha_of, entry, image, journal, shop

__all__ = ["journal", "shop"]

MIB = 1024 * 1024


def packed(shop: Shop, most: int = MIB) -> bytes:
    return pack(shop.canvas, shop.journal, shop.results.items, most).content


def header_of(content: bytes) -> tuple[dict[str, Any], bytes]:
    (length,) = struct.unpack(">I", content[4:8])
    return json.loads(zlib.decompress(content[8 : 8 + length])), content[8 + length :]


def with_header(content: bytes, change: Callable[[dict[str, Any]], object]) -> bytes:
    """The history with something in its header changed."""
    header, blobs = header_of(content)
    change(header)
    small = zlib.compress(json.dumps(header).encode())
    return MAGIC + struct.pack(">I", len(small)) + small + blobs


def test_what_goes_into_a_file_comes_out_with_pictures_masks_marks_and_recipe(shop: Shop) -> None:
    shop.bring(entry(count=2), 0, "blue", files={"alpha": alpha_of(90)}, starred=True)
    shop.bring(entry(count=2), 1, "red", applied=True)
    ((kept, files),) = unpack(packed(shop))
    assert kept.closed and kept.entry.recipe == entry().recipe
    assert [(mark.n, mark.seed, mark.starred, mark.applied, mark.saved) for mark in kept.marks.values()] == [
        (0, 100, True, False, True),
        (1, 101, False, True, True),
    ]
    assert abs(decode(files["result-0"]).pixelColor(5, 5).blue() - 255) < 3
    assert decode(files["alpha.png"]).pixelColor(5, 5).lightness() == 90
    assert decode(files["thumbnail-1"]).pixelColor(5, 5).red() > 250


def test_a_file_tells_nobody_where_it_lay_nor_what_was_uploaded(shop: Shop) -> None:
    shop.bring(entry(uploads={"image": "0" * 64}))
    text = json.dumps(header_of(packed(shop))[0])
    assert "castle.kra" not in text and "0" * 64 not in text


def test_what_does_not_fit_keeps_thumbnail_and_recipe_starred_and_newer_ones_first(shop: Shop) -> None:
    for n in range(4):
        shop.bring(entry(count=4), n, at=1e9 + n, starred=n == 0)
    whole = pack(shop.canvas, shop.journal, shop.results.items, MIB)
    assert {n for _, n in whole.full} == {0, 1, 2, 3}
    one = len(decode_free(whole.content)) // 4
    some = pack(shop.canvas, shop.journal, shop.results.items, len(decode_free(whole.content)) - one)
    assert {n for _, n in some.full} == {0, 2, 3} or {n for _, n in some.full} == {0, 3}
    ((kept, files),) = unpack(some.content)
    assert kept.marks[1].remote and not kept.marks[1].saved and "result-1" not in files and "thumbnail-1" in files
    assert pack(shop.canvas, shop.journal, shop.results.items, 0).content == b""


def decode_free(content: bytes) -> bytes:
    """The blobs of a history."""
    return header_of(content)[1]


def test_a_picture_is_made_for_the_file_once(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[object] = []
    prepare = shop.canvas.prepare
    monkeypatch.setattr(shop.canvas, "prepare", lambda *args: made.append(args) or prepare(*args))
    shop.bring(entry("a", document_id="elsewhere"))
    shop.bring(entry("b"), files={"alpha": alpha_of(9)})
    shop.results.let_go()
    shop.settle()
    made.clear()
    first = packed(shop)
    assert packed(shop) == first and len(made) == 2


def test_a_picture_that_is_gone_stays_at_the_service(shop: Shop) -> None:
    shop.bring(entry())
    shop.settle()
    (shop.journal.folder / "p" / "result-0").unlink()
    ((kept, files),) = unpack(packed(shop))
    assert kept.marks[0].remote and "result-0" not in files


def test_nothing_is_no_history() -> None:
    assert unpack(b"") == []


def damage(name: str) -> Callable[[dict[str, Any]], object]:
    """Things that a stranger could write into a header."""

    def change(header: dict[str, Any]) -> object:
        found = header["entries"][0]
        changes: dict[str, Callable[[], object]] = {
            "a path as key": lambda: found["entry"].update(key="../../etc"),
            "a path as press": lambda: found["entry"].update(press="a/b"),
            "an unknown member": lambda: found["entry"].update(evil=1),
            "no name": lambda: found["entry"].update(name=3),
            "no request": lambda: found["entry"].update(request=[]),
            "a short area": lambda: found["entry"].update(area=[1, 2]),
            "many parts": lambda: found["entry"].update(parts=10**9),
            "a blob beyond the end": lambda: found["blobs"].update({"result-0": [0, 10**9]}),
            "a blob before the start": lambda: found["blobs"].update({"result-0": [-5, 3]}),
            "no region": lambda: found["entry"].update(region={"mask": "x"}),
            "a strange mark": lambda: found["marks"][0].update(n="x"),
            "no entries": lambda: header.pop("entries"),
        }
        return changes[name]()

    return change


@pytest.mark.parametrize(
    "name",
    ["a path as key", "a path as press", "an unknown member", "no name", "no request", "a short area", "many parts",
     "a blob beyond the end", "a blob before the start", "no region", "a strange mark", "no entries"],
)  # fmt: skip
def test_a_history_that_was_tampered_with_is_none(shop: Shop, name: str) -> None:
    shop.bring(entry())
    with pytest.raises(ValueError, match=r"history|mark|invalid|Mask"):
        unpack(with_header(packed(shop), damage(name)))


@pytest.mark.parametrize("content", [b"x", b"WBH1", b"WBH1\0\0\0\4abcd", b"WBH2\0\0\0\0", b"WBH1\xff\xff\xff\xff" + b"\0" * 9])
def test_garbage_is_no_history(content: bytes) -> None:
    with pytest.raises(ValueError, match="history"):
        unpack(content)


def test_a_key_in_a_file_never_makes_a_job(shop: Shop) -> None:
    shop.bring(entry(cancelled=True))
    ((kept, _),) = unpack(with_header(packed(shop), lambda header: header["entries"][0]["marks"].clear()))
    assert not kept.owed and not kept.entry.cancelled


# With a document.


def until_written(shop: Shop) -> bytes:
    """Waits until her next save would have the history."""
    shop.session.results._history.write()
    shop.settle()
    return shop.canvas.annotation("d1")


def test_history_survives_save_quit_and_restart(
    new_session: Callable[..., Session], canvas: FakeCanvas, journal: Journal, qtbot: QtBot, tmp_path: Path
) -> None:
    before = Shop(new_session(), canvas, journal, qtbot)
    matched = replace(RegionPlan(AREA, 512, 384), match_colours=True)
    before.bring(entry(region=region_body(matched)), 0, "red", files={"alpha": alpha_of(70)}, starred=True)
    until_written(before)
    canvas.save("d1")
    before.until(lambda: journal.all()[0].marks[0].saved)
    before.session.stop()
    after = Shop(new_session(), canvas, journal, qtbot)
    after.until(lambda: after.ids == ["p:0"])
    (item,) = after.results.items
    assert item.starred and item.prompt == "a castle" and item.seed == 100 and item.recipe.negative == "fog"
    after.results.apply("p:0")
    after.until(lambda: canvas.inserted)
    pixel = bytes(canvas.inserted[0].layers[0].bands[0].pixels)[:4]
    assert pixel[2] > 250 and pixel[0] < 5 and pixel[3] == 70
    again = unpack(until_written(after))
    assert len(again) == 1 and again[0][0].marks[0].applied


def test_what_is_not_saved_stays_on_disk_here(shop: Shop) -> None:
    shop.bring(entry())
    until_written(shop)
    shop.canvas.save("d1", "/pictures/castle.png")
    shop.settle()
    assert not shop.journal.all()[0].marks[0].saved
    shop.canvas.save("d1", "/pictures/castle.kra")
    shop.until(lambda: shop.journal.all()[0].marks[0].saved)


def test_a_copy_of_a_document_has_its_own_results(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.bring(entry(key="0" * 36, press="0" * 36))
    content = until_written(shop)
    shop.canvas.documents["d2-copy-of"] = "/pictures/castle-2.kra"
    shop.canvas.annotations["d2-copy-of", "history"] = content
    shop.canvas.active = "d2-copy-of"
    shop.session.refresh_canvas()
    shop.until(lambda: len(shop.ids) == 1)
    (copied,) = shop.ids
    assert copied.startswith("0" * 36 + "-") and len(shop.journal.all()) == 2
    shop.results.discard(copied)
    shop.canvas.active = "d1"
    shop.session.refresh_canvas()
    assert shop.ids == ["0" * 36 + ":0"]


def test_a_document_that_is_opened_again_has_each_result_once(shop: Shop) -> None:
    shop.bring(entry())
    until_written(shop)
    shop.canvas.close("d1")
    shop.canvas.documents["d1"], shop.canvas.active = "/pictures/castle.kra", "d1"
    shop.session.refresh_canvas()
    shop.settle()
    assert shop.ids == ["p:0"]


def test_a_history_that_cannot_be_read_is_said_and_harms_nothing(shop: Shop) -> None:
    shop.canvas.documents["d2"] = "/pictures/tower.kra"
    shop.canvas.annotations["d2", "history"] = b"garbage"
    shop.canvas.active = "d2"
    shop.session.refresh_canvas()
    shop.until_told("could not be read")
    shop.bring(entry("q", document_id="d2", document_path="/pictures/tower.kra"))
    assert shop.ids == ["q:0"]


def test_no_room_in_the_file_is_no_history(shop: Shop) -> None:
    shop.session.settings.history_megabytes = 0
    shop.bring(entry())
    assert until_written(shop) == b""


def test_a_closed_document_is_written_nothing(shop: Shop) -> None:
    shop.bring(entry())
    history = shop.session.results._history
    shop.canvas.documents["d2"] = ""
    shop.canvas.close("d1")
    history.touch("d1")
    history.write()
    shop.settle()
    assert shop.canvas.annotations == {}


def test_thumbnails_that_are_missing_are_made_again(
    new_session: Callable[..., Session], canvas: FakeCanvas, journal: Journal, qtbot: QtBot
) -> None:
    Shop(new_session(), canvas, journal, qtbot).bring(entry())
    assert journal.cached("p", "thumbnail-0") is None
    after = Shop(new_session(), canvas, journal, qtbot)
    after.until(lambda: after.ids == ["p:0"])
    assert after.results.items[0].thumbnail.size() == image().size()

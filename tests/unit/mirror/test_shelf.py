"""A copy on disk is all there or not at all."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from wake_service.mirror.model import Copy, Entry
from wake_service.mirror.shelf import INDEX, Shelf

TEXT = b"the same words again and again " * 200


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path / "pool")


def kept(shelf: Shelf, data: bytes, media_type: str = "text/javascript", at: str = "/a.js") -> Copy:
    entry = shelf.put(data, Entry(200, media_type, "", 0, 5.0, etag='"x"'))
    copy = Copy("key", 7.0, {at: entry})
    shelf.commit(copy)
    return copy


def test_a_copy_is_found_again_as_it_was(shelf: Shelf, tmp_path: Path) -> None:
    copy = kept(shelf, TEXT)
    again = Shelf(tmp_path / "pool")
    assert again.load() == copy
    assert again.read(copy.entries["/a.js"].sha256) == TEXT


def test_text_is_packed_once_and_what_is_packed_already_is_not(shelf: Shelf) -> None:
    entry = kept(shelf, TEXT).entries["/a.js"]
    packed = shelf.read(entry.sha256, packed=True)
    assert gzip.decompress(packed) == TEXT and entry.packed == len(packed) < len(TEXT)
    assert kept(shelf, TEXT + b"!", "image/png").entries["/a.js"].packed is None
    assert kept(shelf, b"short").entries["/a.js"].packed is None


def test_what_was_not_committed_is_gone_with_the_power(shelf: Shelf, tmp_path: Path) -> None:
    copy = kept(shelf, TEXT)
    shelf.put(b"of a copy that was being read", Entry(200, "text/html", "", 0, 0.0))
    after = Shelf(tmp_path / "pool")
    assert after.load() == copy
    names = {path.name.removesuffix(".gz") for path in (tmp_path / "pool" / "files").iterdir()}
    assert names == {copy.entries["/a.js"].sha256}


@pytest.mark.parametrize(
    "garbage", [b"", b"{}", b"[1]", b'{"version": 2}', b'{"version": 1, "key": "", "as_of": 0, "entries": {"/": {}}}']
)
def test_an_index_that_cannot_be_read_is_as_good_as_none(shelf: Shelf, tmp_path: Path, garbage: bytes) -> None:
    kept(shelf, TEXT)
    (tmp_path / "pool" / INDEX).write_bytes(garbage)
    assert Shelf(tmp_path / "pool").load() is None


def test_an_answer_whose_file_is_missing_is_not_there(shelf: Shelf, tmp_path: Path) -> None:
    entry = kept(shelf, TEXT).entries["/a.js"]
    (tmp_path / "pool" / "files" / entry.sha256).unlink()
    again = Shelf(tmp_path / "pool").load()
    assert again is not None and not again.entries


def test_sweeping_leaves_what_the_copy_names(shelf: Shelf, tmp_path: Path) -> None:
    kept(shelf, b"old" * 1000)
    newer = kept(shelf, TEXT)
    shelf.sweep(newer)
    assert len(list((tmp_path / "pool" / "files").iterdir())) == 2  # it, and its packed copy


def test_only_the_services_own_user_reads_it(shelf: Shelf, tmp_path: Path) -> None:
    kept(shelf, TEXT)
    assert (tmp_path / "pool" / "files").stat().st_mode & 0o077 == 0

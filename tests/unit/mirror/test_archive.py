"""A copy travels as one file, and a file that is none does no harm."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from wake_service.mirror import archive
from wake_service.mirror.archive import export_archive, import_archive
from wake_service.mirror.model import Copy, Entry
from wake_service.mirror.shelf import INDEX, Shelf

TEXT = b"node packs " * 500


#: A packed file of which a byte was changed on the way.
TORN = bytes(byte ^ (0xFF if at == 40 else 0) for at, byte in enumerate(gzip.compress(bytes(range(256)) * 8)))


def copy_of(shelf: Shelf, **files: bytes) -> Copy:
    entries = {f"/{name}": shelf.put(data, Entry(200, "text/plain", "", 0, 3.0)) for name, data in files.items()}
    copy = Copy("key", 9.0, entries)
    shelf.commit(copy)
    return copy


def written(path: Path, *members: tuple[str, bytes], **how: object) -> Path:
    with tarfile.open(path, "w:gz") as file:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            for what, value in how.items():
                setattr(info, what, value)
            file.addfile(info, io.BytesIO(data))
    return path


def test_a_copy_comes_out_as_it_went_in(tmp_path: Path) -> None:
    here, there = Shelf(tmp_path / "here"), Shelf(tmp_path / "there")
    copy = copy_of(here, a=TEXT, b=TEXT, c=b"other")
    export_archive(copy, here, tmp_path / "copy.tar.gz")
    taken = import_archive(tmp_path / "copy.tar.gz", there)
    assert taken == copy
    assert there.read(taken.entries["/a"].sha256) == TEXT
    assert gzip.decompress(there.read(taken.entries["/a"].sha256, packed=True)) == TEXT


def index(**files: bytes) -> bytes:
    entries = {
        f"/{name}": Entry(200, "text/plain", hashlib.sha256(data).hexdigest(), len(data), 0.0) for name, data in files.items()
    }
    return Copy("key", 0.0, entries).to_json()


def named(data: bytes) -> str:
    return "files/" + hashlib.sha256(data).hexdigest()


BAD: dict[str, Callable[[Path], Path]] = {
    "nothing": lambda path: written(path),
    "no index": lambda path: written(path, (named(b"x"), b"x")),
    "leads out": lambda path: written(path, (INDEX, index(a=b"x")), ("../../etc/cron.d/x", b"x")),
    "absolute": lambda path: written(path, (INDEX, index(a=b"x")), ("/etc/passwd", b"x")),
    "another's name": lambda path: written(path, (INDEX, index(a=b"x")), (named(b"x"), b"y")),
    "file missing": lambda path: written(path, (INDEX, index(a=b"x", b=b"y")), (named(b"x"), b"x")),
    "link": lambda path: written(path, (INDEX, b""), type=tarfile.SYMTYPE, linkname="/etc/passwd"),
    "of an artist": lambda path: written(path, (INDEX, index(a=b"x").replace(b'"/a"', b'"mira/a"')), (named(b"x"), b"x")),
    "header in a type": lambda path: written(
        path, (INDEX, index(a=b"x").replace(b"text/plain", b"text/pl\\nain")), (named(b"x"), b"x")
    ),
}


@pytest.mark.parametrize("what", BAD)
def test_what_is_no_copy_is_refused_and_leaves_nothing_elsewhere(tmp_path: Path, what: str) -> None:
    path = BAD[what](tmp_path / "copy.tar.gz")
    with pytest.raises(ValueError):
        import_archive(path, Shelf(tmp_path / "there"))
    assert {one.name for one in tmp_path.iterdir()} <= {"copy.tar.gz", "there"}


@pytest.mark.parametrize("data", [b"", b"garbage" * 100, gzip.compress(b"no tar" * 200), gzip.compress(b"x" * 10_000)[:20], TORN])
def test_garbage_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "copy.tar.gz").write_bytes(data)
    with pytest.raises(ValueError, match=r"no copy|begin"):
        import_archive(tmp_path / "copy.tar.gz", Shelf(tmp_path / "there"))


def test_a_small_file_that_unpacks_to_a_huge_one_is_given_up_early(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MOST_BYTES", 1_000_000)
    pieces = [bytes([number]) * 400_000 for number in range(5)]
    files = {f"f{number}": piece for number, piece in enumerate(pieces)}
    path = written(tmp_path / "copy.tar.gz", (INDEX, index(**files)), *((named(piece), piece) for piece in pieces))
    assert path.stat().st_size < 20_000
    with pytest.raises(ValueError, match="too large"):
        import_archive(path, Shelf(tmp_path / "there"))


def test_a_file_in_it_that_is_too_large_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MOST_FILE_BYTES", 50_000)
    path = written(tmp_path / "copy.tar.gz", (INDEX, index(a=bytes(60_000))), (named(bytes(60_000)), bytes(60_000)))
    with pytest.raises(ValueError, match="none of a copy's"):
        import_archive(path, Shelf(tmp_path / "there"))


def test_more_files_than_any_page_has_are_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MOST_FILES", 3)
    files = {f"f{number}": str(number).encode() for number in range(5)}
    path = written(tmp_path / "copy.tar.gz", (INDEX, index(**files)), *((named(data), data) for data in files.values()))
    with pytest.raises(ValueError, match="none of a copy's"):
        import_archive(path, Shelf(tmp_path / "there"))

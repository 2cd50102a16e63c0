"""What is under way survives whatever happens to Krita."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

import wakebrush
from wakebrush.journal import Entry, Journal


def entry(key: str = "k", count: int = 1, created_at: float = 1.0) -> Entry:
    return Entry(key, "d1", "/pictures/castle.kra", (1, 2, 30, 40), "a castle", {"count": count, "prompt": "château"}, created_at)


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journal")


def test_what_was_written_is_read_back_by_another_run(journal: Journal) -> None:
    journal.write(entry(), {"image": b"i", "alpha": b"a"})
    again = Journal(journal.folder)
    assert again.entries() == [entry()]
    assert (again.picture("k", "image"), again.picture("k", "alpha"), again.picture("k", "mask")) == (b"i", b"a", None)


def test_entries_come_back_oldest_first(journal: Journal) -> None:
    for key, created_at in (("b", 2.0), ("a", 3.0), ("c", 1.0)):
        journal.write(entry(key, created_at=created_at), {})
    assert [each.key for each in journal.entries()] == ["c", "b", "a"]


def test_an_entry_goes_when_its_last_picture_is_a_layer(journal: Journal) -> None:
    kept = entry(count=2)
    journal.write(kept, {})
    journal.inserted(kept, {1})
    assert [each.inserted for each in journal.entries()] == [(1,)]
    journal.inserted(kept, {0, 1})
    assert journal.entries() == [] and list(journal.folder.iterdir()) == []


def test_an_entry_that_was_removed_does_not_come_back_by_an_update(journal: Journal) -> None:
    kept = entry()
    journal.write(kept, {})
    journal.remove(kept.key)
    journal.update(kept, job_id="j")
    assert journal.entries() == []


def test_removing_twice_is_once(journal: Journal) -> None:
    journal.write(entry(), {})
    journal.remove("k")
    journal.remove("k")
    assert journal.entries() == []


@pytest.mark.parametrize("content", ["", "{", "[]", '{"version": 99}', '{"version": 1, "key": "k"}'])
def test_a_damaged_entry_harms_no_other(journal: Journal, content: str) -> None:
    journal.write(entry("good"), {})
    (journal.folder / "bad").mkdir()
    (journal.folder / "bad" / "entry.json").write_text(content, encoding="utf-8")
    assert [each.key for each in journal.entries()] == ["good"]


def test_leftovers_of_a_crash_in_the_middle_of_a_write_are_swept_after_a_day(journal: Journal) -> None:
    for name, age in (("old", 100_000), ("new", 10)):
        (journal.folder / name).mkdir(parents=True)
        (journal.folder / name / "image.png").write_bytes(b"half")
        os.utime(journal.folder / name, (time.time() - age,) * 2)
    journal.entries()
    assert [each.name for each in journal.folder.iterdir()] == ["new"]


def test_everything_is_synced_before_the_entry_says_it_is_there(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def note_replace(path: Path, target: Path) -> Path:
        steps.append(f"rename {target.name}")
        return replace(path, target)

    monkeypatch.setattr(os, "fsync", lambda handle: (steps.append("sync"), fsync(handle)))
    monkeypatch.setattr(Path, "replace", note_replace)
    journal.write(entry(), {"image": b"i"})
    assert steps == ["sync", "rename image.png", "sync", "sync", "rename entry.json", "sync", "sync"]


def test_a_killed_process_leaves_what_it_wrote(tmp_path: Path) -> None:
    script = f"""
import os, signal, sys
sys.path.insert(0, {str(Path(wakebrush.__file__).parents[1])!r})
from pathlib import Path
from wakebrush.journal import Entry, Journal
Journal(Path({str(tmp_path)!r})).write(Entry("k", "d", "", (0, 0, 1, 1), "n", {{"count": 1}}, 1.0), {{"image": b"i"}})
os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == -9
    assert [each.key for each in Journal(tmp_path).entries()] == ["k"]
    assert Journal(tmp_path).picture("k", "image") == b"i"


def test_the_journal_needs_neither_krita_nor_a_network_library(tmp_path: Path) -> None:
    script = f"""
import sys
sys.path.insert(0, {str(Path(wakebrush.__file__).parents[1])!r})
import wakebrush.journal
assert not {{"requests", "websocket", "krita", "PyQt5"}} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", script], check=True)

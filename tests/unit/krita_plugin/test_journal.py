"""What is hers and not yet in her file survives whatever happens to Krita."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import wakebrush
from wakebrush.journal import KEPT_SECONDS, Entry, Journal, Kept, Mark


def entry(key: str = "k", count: int = 1, created_at: float = 1.0, path: str = "/pictures/castle.kra") -> Entry:
    return Entry(key, "d1", path, (1, 2, 30, 40), "a castle", {"count": count, "prompt": "château"}, created_at)


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journal")


def keys(journal: Journal) -> list[str]:
    return [kept.entry.key for kept in journal.all()]


def test_what_was_written_is_read_back_by_another_run(journal: Journal) -> None:
    journal.write(entry(), {"image": b"i", "alpha": b"a"})
    again = Journal(journal.folder)
    assert again.all() == [Kept(entry(), {})] and again.all()[0].owed
    assert (again.picture("k", "image"), again.picture("k", "alpha"), again.picture("k", "mask")) == (b"i", b"a", None)


def test_entries_come_back_oldest_first(journal: Journal) -> None:
    for key, created_at in (("b", 2.0), ("a", 3.0), ("c", 1.0)):
        journal.write(entry(key, created_at=created_at), {})
    assert keys(journal) == ["c", "b", "a"]


def test_a_result_is_there_for_another_run_and_nothing_is_owed_after_the_last(journal: Journal) -> None:
    journal.write(entry(count=2), {})
    assert journal.receive("k", Mark(1, seed=7, at=5.0), b"one") == entry(count=2)
    (kept,) = Journal(journal.folder).all()
    assert kept.marks == {1: Mark(1, seed=7, at=5.0)} and kept.owed and journal.result("k", 1) == b"one"
    journal.receive("k", Mark(0), b"zero")
    assert not journal.all()[0].owed


def test_a_result_of_an_entry_that_is_gone_is_not_kept(journal: Journal) -> None:
    assert journal.receive("k", Mark(0), b"one") is None
    assert journal.all() == []


def test_an_entry_that_will_have_no_results_goes_and_one_that_has_some_stays(journal: Journal) -> None:
    journal.write(entry("none"), {})
    journal.write(entry("some", count=2), {})
    journal.receive("some", Mark(0), b"r")
    for key in ("none", "some", "unknown"):
        journal.close(key)
    assert keys(journal) == ["some"] and not journal.all()[0].owed


def test_an_entry_goes_with_the_last_result_that_is_discarded(journal: Journal) -> None:
    journal.write(entry(count=2), {})
    for n in (0, 1):
        journal.receive("k", Mark(n), b"r")
    journal.mark("k", 0, discarded=True)
    assert journal.result("k", 0) is None and journal.result("k", 1) == b"r"
    journal.mark("k", 1, discarded=True)
    assert journal.all() == [] and list(journal.folder.iterdir()) == []
    journal.mark("k", 1, starred=True)
    assert journal.all() == []


def test_a_discarded_result_leaves_the_entry_while_others_are_owed(journal: Journal) -> None:
    journal.write(entry(count=2), {})
    journal.receive("k", Mark(0), b"r")
    journal.mark("k", 0, discarded=True)
    assert keys(journal) == ["k"] and journal.all()[0].owed


def test_a_result_whose_file_is_missing_is_owed_again_but_for_one_that_only_the_service_has(journal: Journal) -> None:
    journal.write(entry(count=2), {})
    journal.receive("k", Mark(0), b"r")
    journal.receive("k", Mark(1, remote=True), b"r")
    for n in (0, 1):
        (journal.folder / "k" / f"result-{n}").unlink()
    assert set(journal.all()[0].marks) == {1}


def test_changes_of_an_entry_leave_each_other_alone(journal: Journal) -> None:
    old = entry(path="")
    journal.write(old, {})
    journal.document_saved("d1", "/pictures/tower.kra")
    assert journal.update(old, job_id="j").document_path == "/pictures/tower.kra"
    assert journal.all()[0].entry.job_id == "j"


def test_an_entry_that_was_removed_does_not_come_back_by_an_update(journal: Journal) -> None:
    kept = entry()
    journal.write(kept, {})
    for _ in range(2):
        journal.remove(kept.key)
    assert journal.update(kept, job_id="j").job_id == "j"
    assert journal.all() == []


def test_what_a_file_holds_is_taken_over_once(journal: Journal) -> None:
    kept = Kept(entry(), {0: Mark(0, saved=True)}, closed=True)
    assert journal.restore(kept, {"result-0": b"from the file"})
    assert not journal.restore(kept, {"result-0": b"again"})
    assert journal.all() == [kept] and journal.result("k", 0) == b"from the file"


@pytest.mark.parametrize(
    ("mark", "gone"),
    [
        (Mark(0, at=KEPT_SECONDS), False),
        (Mark(0, at=KEPT_SECONDS, saved=True), True),
        (Mark(0, at=KEPT_SECONDS, discarded=True), True),
        (Mark(0, at=0.0), True),
    ],
)
def test_a_result_waits_until_it_is_in_her_file_discarded_or_thirty_days_old(journal: Journal, mark: Mark, gone: bool) -> None:
    journal.write(entry(count=2), {})
    journal.receive("k", mark, b"r")
    journal.receive("k", Mark(1, at=0.0), b"r")
    journal.sweep(KEPT_SECONDS + 1)
    assert (journal.all() == []) is gone


def test_what_is_owed_is_never_swept(journal: Journal) -> None:
    journal.write(entry(), {})
    journal.sweep(1e12)
    assert keys(journal) == ["k"]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"version": 99}', '{"version": 2, "key": "k"}'])
def test_a_damaged_entry_harms_no_other(journal: Journal, content: str) -> None:
    journal.write(entry("good"), {})
    (journal.folder / "bad").mkdir()
    (journal.folder / "bad" / "entry.json").write_text(content, encoding="utf-8")
    assert keys(journal) == ["good"]


@pytest.mark.parametrize("content", ["{", '{"results": [{"m": 0}]}', '{"results": 3}', '{"results": [3]}'])
def test_an_entry_whose_notes_are_damaged_is_owed_again(journal: Journal, content: str) -> None:
    journal.write(entry(), {})
    journal.receive("k", Mark(0), b"r")
    (journal.folder / "k" / "results.json").write_text(content, encoding="utf-8")
    assert journal.all()[0].owed


def test_leftovers_of_a_crash_in_the_middle_of_a_write_are_swept_after_a_day(journal: Journal) -> None:
    journal.sweep(0.0)
    for name, age in (("old", 100_000), ("new", 10)):
        (journal.folder / name).mkdir(parents=True)
        (journal.folder / name / "image.png").write_bytes(b"half")
        os.utime(journal.folder / name, (time.time() - age,) * 2)
    journal.sweep(time.time())
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
    steps.clear()
    journal.receive("k", Mark(0), b"r")
    assert steps == ["sync", "rename result-0", "sync", "sync", "rename results.json", "sync"]


def test_a_full_disk_leaves_the_entry_as_it_was(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    journal.write(entry(), {})

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space left"):
            journal.receive("k", Mark(0), b"r" * 100)
    assert sorted(path.name for path in (journal.folder / "k").iterdir()) == ["entry.json"]
    assert journal.receive("k", Mark(0), b"r") is not None


def test_what_can_be_made_again_goes_with_its_entry(journal: Journal) -> None:
    journal.cache("k", "thumbnail-0", b"t")
    assert journal.cached("k", "thumbnail-0") is None
    journal.write(entry(), {})
    journal.cache("k", "thumbnail-0", b"t")
    assert journal.cached("k", "thumbnail-0") == b"t"
    journal.remove("k")
    assert journal.cached("k", "thumbnail-0") is None


def test_a_killed_process_leaves_what_it_wrote(tmp_path: Path) -> None:
    script = f"""
import os, signal, sys
sys.path.insert(0, {str(Path(wakebrush.__file__).parents[1])!r})
from pathlib import Path
from wakebrush.journal import Entry, Journal, Mark
journal = Journal(Path({str(tmp_path)!r}))
journal.write(Entry("k", "d", "", (0, 0, 1, 1), "n", {{"count": 1}}, 1.0), {{"image": b"i"}})
journal.receive("k", Mark(0), b"r")
os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == -9
    assert keys(Journal(tmp_path)) == ["k"]
    assert (Journal(tmp_path).picture("k", "image"), Journal(tmp_path).result("k", 0)) == (b"i", b"r")


def test_the_journal_needs_neither_krita_nor_a_network_library(tmp_path: Path) -> None:
    script = f"""
import sys
sys.path.insert(0, {str(Path(wakebrush.__file__).parents[1])!r})
import wakebrush.journal
assert not {{"requests", "websocket", "krita", "PyQt5"}} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", script], check=True)


def test_an_entry_on_disk_says_its_version(journal: Journal) -> None:
    journal.write(entry(), {})
    stored: dict[str, Any] = json.loads((journal.folder / "k" / "entry.json").read_text(encoding="utf-8"))
    assert stored["version"] == 2 and stored["request"]["prompt"] == "château"

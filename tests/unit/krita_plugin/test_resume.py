"""After a crash of Krita: nothing is lost, nothing comes twice."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from wakebrush.canvas.rect import Rect
from wakebrush.journal import Entry, Journal
from wakebrush.session import Session

from .fake_canvas import FakeCanvas
from .fake_service import FakeService, new_job

NewSession = Callable[..., Session]


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "krita" / "journal")


def left_behind(journal: Journal, job_id: str | None = None, path: str = "/pictures/castle.kra", **more: object) -> Entry:
    """What an earlier run of Krita left in the journal."""
    body = {"mode": "text_to_image", "prompt": "a castle", "count": 1, "width": 64, "height": 64, "reference": "key"}
    entry = Entry("key", "gone", path, (0, 0, 64, 64), "a castle", body, 1.0, job_id=job_id, **more)  # type: ignore[arg-type]
    journal.write(entry, {})
    return entry


def known_job(service: FakeService, entry: Entry, **changes: object) -> str:
    """The service has the entry's job."""
    job = {**new_job(entry.request), **changes}
    service.jobs[job["id"]] = job
    service.by_key[entry.key] = job["id"]
    return str(job["id"])


def test_a_request_that_was_never_sent_is_sent_with_its_own_key(
    new_session: NewSession, service: FakeService, canvas: FakeCanvas, journal: Journal, picture: bytes, qtbot: QtBot
) -> None:
    left_behind(journal)
    session = new_session(service)
    qtbot.waitUntil(lambda: "key" in service.by_key, timeout=5000)
    service.finish(service.by_key["key"], picture)
    qtbot.waitUntil(lambda: [item.regions for item in session.results.items] == [(Rect(0, 0, 64, 64),)], timeout=5000)
    assert not journal.all()[0].owed


def test_a_request_whose_answer_was_lost_makes_no_second_job(
    new_session: NewSession, service: FakeService, canvas: FakeCanvas, journal: Journal, picture: bytes, qtbot: QtBot
) -> None:
    job = known_job(service, left_behind(journal), state="running")
    session = new_session(service)
    qtbot.waitUntil(lambda: session.current is not None and session.current.job_id == job, timeout=5000)
    assert len(service.jobs) == 1
    service.finish(job, picture)
    qtbot.waitUntil(lambda: len(session.results.items) == 1, timeout=5000)


def test_what_was_finished_while_krita_was_closed_is_offered_and_comes_once(
    new_session: NewSession, service: FakeService, canvas: FakeCanvas, journal: Journal, picture: bytes, qtbot: QtBot
) -> None:
    entry = left_behind(journal)
    job = known_job(service, entry)
    journal.update(entry, job_id=job)
    service.finish(job, picture)
    service.jobs[job]["finished_at"] = "2026-01-01T00:00:00Z"
    session = new_session(service)
    results = session.results
    qtbot.waitUntil(lambda: results.offer != "", timeout=5000)
    assert results.offer == "While Krita was closed, 1 picture was finished for this document. Show it?"
    assert results.items == () and canvas.overlay.parts == () and session.progress is None
    results.show_offer()
    assert len(results.items) == 1 and results.offer == ""
    qtbot.waitUntil(lambda: len(canvas.overlay.parts) == 1, timeout=5000)
    results.apply()
    assert len(canvas.layers) == 1


def test_an_offer_that_is_declined_goes_for_good(
    new_session: NewSession, service: FakeService, canvas: FakeCanvas, journal: Journal, picture: bytes, qtbot: QtBot
) -> None:
    entry = left_behind(journal)
    job = known_job(service, entry)
    journal.update(entry, job_id=job)
    service.finish(job, picture)
    service.jobs[job]["finished_at"] = "2026-01-01T00:00:00Z"
    session = new_session(service)
    qtbot.waitUntil(lambda: session.results.offer != "", timeout=5000)
    session.results.discard_offer()
    assert session.results.offer == "" and session.results.items == ()
    qtbot.waitUntil(lambda: journal.all() == [], timeout=5000)


def test_a_job_that_is_still_running_goes_on_as_if_nothing_had_happened(
    new_session: NewSession, service: FakeService, canvas: FakeCanvas, journal: Journal, picture: bytes, qtbot: QtBot
) -> None:
    entry = left_behind(journal)
    job = known_job(service, entry, state="running", stage="sampling")
    journal.update(entry, job_id=job)
    session = new_session(service)
    qtbot.waitUntil(lambda: session.progress is not None and session.state_line.sentence == "Painting.", timeout=5000)
    service.finish(job, picture)
    qtbot.waitUntil(lambda: len(session.results.items) == 1, timeout=5000)


def test_a_picture_for_a_document_that_is_not_open_waits_for_it(
    new_session: NewSession, service: FakeService, canvas: FakeCanvas, journal: Journal, picture: bytes, qtbot: QtBot
) -> None:
    canvas.documents = {"d9": "/pictures/other.kra"}
    canvas.active = "d9"
    entry = left_behind(journal)
    job = known_job(service, entry)
    journal.update(entry, job_id=job)
    service.finish(job, picture)
    session = new_session(service)
    qtbot.waitUntil(lambda: session.notice is not None, timeout=5000)
    assert "castle.kra" in session.notice.title and session.results.offer == ""
    assert len(journal.all()) == 1 and session.results.items == ()


def test_a_document_that_was_never_saved_leaves_its_picture_to_the_one_in_front(
    new_session: NewSession, service: FakeService, canvas: FakeCanvas, journal: Journal, picture: bytes, qtbot: QtBot
) -> None:
    entry = left_behind(journal, path="")
    job = known_job(service, entry)
    journal.update(entry, job_id=job)
    service.finish(job, picture)
    session = new_session(service)
    qtbot.waitUntil(lambda: "never saved" in session.results.offer, timeout=5000)
    session.results.show_offer()
    qtbot.waitUntil(lambda: len(canvas.overlay.parts) == 1, timeout=5000)
    session.results.apply()
    assert [layer[0] for layer in canvas.layers] == ["d1"]
    qtbot.waitUntil(lambda: [kept.entry.document_path for kept in journal.all()] == ["/pictures/castle.kra"])


def test_a_job_that_the_service_has_forgotten_is_asked_for_again(
    new_session: NewSession, service: FakeService, canvas: FakeCanvas, journal: Journal, qtbot: QtBot
) -> None:
    left_behind(journal, job_id="unknown")
    new_session(service)
    qtbot.waitUntil(lambda: "key" in service.by_key, timeout=5000)


def test_a_cancel_that_did_not_get_through_is_made_up_for(
    new_session: NewSession, service: FakeService, canvas: FakeCanvas, journal: Journal, qtbot: QtBot
) -> None:
    entry = left_behind(journal)
    job = known_job(service, entry, state="running")
    journal.update(entry, job_id=job, cancelled=True)
    new_session(service)
    qtbot.waitUntil(lambda: service.jobs[job]["state"] == "cancelled" and journal.all() == [], timeout=5000)


def test_jobs_of_other_programs_are_no_results(
    new_session: NewSession, service: FakeService, canvas: FakeCanvas, picture: bytes, qtbot: QtBot
) -> None:
    session = new_session(service)
    qtbot.waitUntil(lambda: session.connected, timeout=5000)
    job = new_job({"reference": "from elsewhere", "count": 1})
    service.jobs[job["id"]] = job
    service.finish(job["id"], picture)
    service.push("job.queued", {**job, "id": "last"})
    qtbot.wait(100)
    assert session.results.items == () and session.progress is None

"""The way back: a result is on disk before she sees it, and what cannot be had is said."""

from __future__ import annotations

import errno
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from wakebrush.client.profiles import Profile
from wakebrush.journal import Entry, Journal, Mark
from wakebrush.session import Session

from .fake_canvas import FakeCanvas
from .fake_service import FakeService
from .some_results import journal
from .test_session import arrived, connect, press

__all__ = ["journal"]

NewSession = Callable[..., Session]


def told(session: Session, qtbot: QtBot, words: str) -> None:
    qtbot.waitUntil(lambda: session.notice is not None and words in session.notice.title, timeout=5000)


def test_a_service_that_sends_garbage_for_a_picture_is_said_and_holds_nothing_up(
    new_session: NewSession, service: FakeService, picture: bytes, journal: Journal, qtbot: QtBot
) -> None:
    session = new_session(service)
    connect(session, qtbot)
    session.settings.count = 2
    job = press(session, qtbot, service)
    service.finish(job, b"<html>no picture</html>", 0, last=False)
    told(session, qtbot, "no picture")
    service.finish(job, picture, 1)
    arrived(session, qtbot)
    qtbot.waitUntil(lambda: session.progress is None, timeout=5000)
    qtbot.waitUntil(lambda: journal.all()[0].marks[0].discarded, timeout=5000)
    assert session.results.items[0].n == 1


def test_a_picture_that_the_service_no_longer_has_is_said(
    new_session: NewSession, service: FakeService, picture: bytes, journal: Journal, qtbot: QtBot
) -> None:
    session = new_session(service)
    connect(session, qtbot)
    job = press(session, qtbot, service)
    gone = {"status": 404, "code": "not_found", "title": "This picture is gone.", "hint": ""}
    service.refuse = lambda method, path: (404, gone) if "/results/" in path else None
    service.finish(job, picture)
    told(session, qtbot, "This picture is gone.")
    qtbot.waitUntil(lambda: session.progress is None and journal.all() == [], timeout=5000)


def test_a_full_disk_is_said_and_the_picture_is_fetched_again_by_itself(
    new_session: NewSession, service: FakeService, picture: bytes, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = new_session(service)
    connect(session, qtbot)
    job = press(session, qtbot, service)
    receive, full = Journal.receive, [True]

    def sometimes(self: Journal, key: str, mark: Mark, content: bytes) -> Entry | None:
        if full[0]:
            raise OSError(errno.ENOSPC, "No space left on device")
        return receive(self, key, mark, content)

    monkeypatch.setattr(Journal, "receive", sometimes)
    service.finish(job, picture)
    told(session, qtbot, "No space left on device")
    full[0] = False
    arrived(session, qtbot)


def test_thumbnails_that_find_no_room_are_no_trouble(
    new_session: NewSession, service: FakeService, picture: bytes, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = new_session(service)
    connect(session, qtbot)

    def full(*args: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Journal, "cache", full)
    service.finish(press(session, qtbot, service), picture)
    arrived(session, qtbot)


def test_what_was_finished_before_a_failure_or_a_cancel_stays(
    new_session: NewSession, service: FakeService, picture: bytes, journal: Journal, qtbot: QtBot
) -> None:
    session = new_session(service)
    connect(session, qtbot)
    session.settings.count = 3
    for number, end in enumerate(("failed", "cancelled")):
        job = press(session, qtbot, service)
        service.finish(job, picture, 0, last=False)
        arrived(session, qtbot, number + 1)
        error = {"code": "x", "message": "The engine gave up.", "hint": ""} if end == "failed" else None
        service.change(job, f"job.{end}", state=end, error=error)
        qtbot.waitUntil(lambda: session.progress is None, timeout=5000)
    qtbot.waitUntil(lambda: [kept.owed for kept in journal.all()] == [False, False], timeout=5000)
    assert len(session.results.items) == 2


def test_a_counter_is_never_stuck(
    new_session: NewSession, service: FakeService, canvas: FakeCanvas, picture: bytes, qtbot: QtBot
) -> None:
    session = new_session(service)
    connect(session, qtbot)
    for number in range(20):
        service.finish(press(session, qtbot, service, f"picture {number}"), picture)
    arrived(session, qtbot, 20)
    qtbot.waitUntil(lambda: session.progress is None and session.work.pictures == {}, timeout=5000)


def with_one_result(session: Session, service: FakeService, canvas: FakeCanvas, picture: bytes, qtbot: QtBot) -> Session:
    """Connected, and its only picture lies over the canvas."""
    connect(session, qtbot)
    service.finish(press(session, qtbot, service), picture)
    arrived(session, qtbot)
    qtbot.waitUntil(lambda: len(canvas.overlay.parts) == 1, timeout=5000)
    return session


def test_a_large_picture_that_is_only_at_the_service_is_fetched_when_she_looks_at_it(
    new_session: NewSession, service: FakeService, canvas: FakeCanvas, picture: bytes, journal: Journal, qtbot: QtBot
) -> None:
    session = with_one_result(new_session(service), service, canvas, picture, qtbot)
    session.results.let_go()
    (kept,) = journal.all()
    session.results._showing.drop(session.results.items[0].id)
    (journal.folder / kept.entry.key / "result-0").unlink()
    session.results._all.mark(session.results.items[0].id, remote=True)
    session.results._journal.mark(kept.entry.key, 0, remote=True)  # its own: what is under way there may be writing too
    session.results._update()
    session.results.pin(session.results.items[0].id)
    qtbot.waitUntil(lambda: len(canvas.overlay.parts) == 1, timeout=5000)
    assert journal.result(kept.entry.key, 0) == picture
    service.results.clear()
    session.results._showing.drop(session.results.items[0].id)
    session.results._all.mark(session.results.items[0].id, remote=True)
    (journal.folder / kept.entry.key / "result-0").unlink()
    session.results.let_go()
    session.results.apply(session.results.items[0].id)
    told(session, qtbot, "Only the service has this picture")
    assert canvas.layers == []


def test_a_picture_that_another_of_her_services_has_is_asked_of_nobody_else_and_says_where_it_waits(
    new_session: NewSession, service: FakeService, canvas: FakeCanvas, picture: bytes, journal: Journal, qtbot: QtBot
) -> None:
    session = new_session(service)
    connect(session, qtbot)
    home = session.connecting.profiles.add(Profile("", "Home", "http://127.0.0.1:9"))
    service.finish(press(session, qtbot, service), picture)
    arrived(session, qtbot)
    qtbot.waitUntil(lambda: len(canvas.overlay.parts) == 1, timeout=5000)
    session.results.let_go()
    only_at(session, journal, home.id)
    asked = len(service.calls)
    session.results.pin(session.results.items[0].id)
    told(session, qtbot, "This picture waits at “Home”. Switch to it to get it.")
    assert session.results.waits_at(session.results.items[0]) == "Home"
    assert not [path for _, path in service.calls[asked:] if "/results/" in path]
    session.results.let_go()
    session.connecting.profiles.remove(home.id)
    session.results.pin(session.results.items[0].id)  # a colleague's service, or hers under another name: it may be this one
    qtbot.waitUntil(lambda: len(canvas.overlay.parts) == 1, timeout=5000)
    assert session.results.waits_at(session.results.items[0]) == ""


def test_a_picture_that_only_the_service_has_is_not_called_lost_while_she_is_offline(
    new_session: NewSession, service: FakeService, canvas: FakeCanvas, picture: bytes, journal: Journal, qtbot: QtBot
) -> None:
    session = with_one_result(new_session(service), service, canvas, picture, qtbot)
    only_at(session, journal, "")
    session._link.service = None
    session.results.let_go()
    session.results.pin(session.results.items[0].id)
    told(session, qtbot, "Look at it again when you are back online.")


def only_at(session: Session, journal: Journal, service: str) -> None:
    """The picture is not on this computer: only that service has it."""
    (kept,) = journal.all()
    item = session.results.items[0]
    (journal.folder / kept.entry.key / "result-0").unlink()
    (piece,) = item.pieces
    entry = replace(piece.entry, service=service)
    session.results._all._pieces[item.id][piece.entry.part] = replace(piece, entry=entry)
    session.results._all.mark(item.id, remote=True)
    session.results._showing.drop(item.id)
    session.results._update()

"""What the session does when something is wrong: sentences, and nothing lost."""

from __future__ import annotations

from pathlib import Path

from pytestqt.qtbot import QtBot

from .fake_canvas import FakeCanvas
from .fake_service import FakeService
from .test_session import NewSession, connect, journal_entries, press


def test_a_used_up_budget_shows_title_and_hint_and_keeps_nothing(
    new_session: NewSession, service: FakeService, canvas: FakeCanvas, qtbot: QtBot, tmp_path: Path
) -> None:
    problem = {"status": 402, "code": "budget_exhausted", "title": "November's $200 are used up.", "hint": "Ask your admin."}
    service.refuse = lambda method, path: (402, problem) if path == "/v1/generate" else None
    session = new_session(service)
    connect(session, qtbot)
    session.settings.prompt = "x"
    session.generate()
    qtbot.waitUntil(lambda: session.notice is not None, timeout=5000)
    assert (session.notice.title, session.notice.hint) == ("November's $200 are used up.", "Ask your admin.")
    qtbot.waitUntil(lambda: session.progress is None and journal_entries(tmp_path) == [])


def test_a_full_queue_is_tried_again_when_it_said_to(
    new_session: NewSession, service: FakeService, canvas: FakeCanvas, qtbot: QtBot
) -> None:
    full = [
        {
            "status": 429,
            "code": "queue_full",
            "title": "Too many pictures wait.",
            "hint": "It goes on by itself.",
            "retry_after": 0.05,
        }
    ]
    service.refuse = lambda method, path: (429, full.pop()) if path == "/v1/generate" and full else None
    session = new_session(service)
    connect(session, qtbot)
    session.settings.prompt = "x"
    session.generate()
    qtbot.waitUntil(lambda: len(service.jobs) == 1, timeout=5000)


def test_a_failed_job_says_what_to_do(new_session: NewSession, service: FakeService, canvas: FakeCanvas, qtbot: QtBot) -> None:
    session = new_session(service)
    connect(session, qtbot)
    job = press(session, qtbot, service)
    error = {"code": "engine_out_of_memory", "message": "The GPU ran out of memory.", "hint": "Select a smaller area."}
    service.change(job, "job.failed", state="failed", error=error)
    qtbot.waitUntil(lambda: session.notice is not None, timeout=5000)
    assert (session.notice.title, session.notice.hint) == ("The GPU ran out of memory.", "Select a smaller area.")
    assert session.progress is None


def test_a_wrong_token_asks_to_pair_again(
    new_session: NewSession, service: FakeService, canvas: FakeCanvas, qtbot: QtBot
) -> None:
    session = new_session(service, environ={"KRITA_AI_TOKEN": "wrong"})
    qtbot.waitUntil(lambda: session.notice is not None, timeout=5000)
    assert session.notice.title == "This computer is no longer paired." and session.notice.action == "connect"
    session.settings.prompt = "x"
    session.generate()
    assert canvas.captures == 0 and session.progress is None


def test_no_service_says_how_to_start_one(new_session: NewSession, canvas: FakeCanvas, qtbot: QtBot) -> None:
    session = new_session()
    qtbot.waitUntil(lambda: session.state_line.dot == "trouble", timeout=5000)
    session.settings.prompt = "x"
    session.generate()
    assert session.notice is not None and "wakebrush serve" in session.notice.hint


def test_pressing_without_a_prompt_asks_for_one(
    new_session: NewSession, service: FakeService, canvas: FakeCanvas, qtbot: QtBot
) -> None:
    session = new_session(service)
    connect(session, qtbot)
    session.generate()
    assert session.notice is not None and "prompt" in session.notice.title
    assert session.progress is None


def test_without_a_document_there_is_nothing_to_press(
    new_session: NewSession, service: FakeService, canvas: FakeCanvas, qtbot: QtBot
) -> None:
    canvas.active = None
    session = new_session(service)
    connect(session, qtbot)
    assert not session.can_generate
    session.settings.prompt = "x"
    session.generate()
    assert session.notice is not None and "document" in session.notice.title


def test_a_document_that_was_closed_gets_its_picture_when_it_is_open_again(
    new_session: NewSession, service: FakeService, canvas: FakeCanvas, picture: bytes, qtbot: QtBot
) -> None:
    session = new_session(service)
    connect(session, qtbot)
    job = press(session, qtbot, service)
    canvas.documents, canvas.active = {"d2": "/pictures/other.kra"}, "d2"
    session.refresh_canvas()
    service.finish(job, picture)
    qtbot.waitUntil(lambda: session.notice is not None, timeout=5000)
    assert "castle.kra" in session.notice.title and session.results.items == ()
    canvas.documents["d3"], canvas.active = "/pictures/castle.kra", "d3"
    session.refresh_canvas()
    session.results.apply(session.results.items[0].id)
    qtbot.waitUntil(lambda: [layer[0] for layer in canvas.layers] == ["d3"], timeout=5000)


def test_a_layer_that_cannot_be_added_is_still_a_result(
    new_session: NewSession, service: FakeService, canvas: FakeCanvas, picture: bytes, qtbot: QtBot
) -> None:
    session = new_session(service)
    connect(session, qtbot)
    canvas.problem = "Krita did not take the layer."
    service.finish(press(session, qtbot, service), picture)
    qtbot.waitUntil(lambda: len(session.results.items) == 1, timeout=5000)
    session.results.apply()
    qtbot.waitUntil(lambda: session.notice is not None, timeout=5000)
    assert session.notice is not None and session.notice.title == "Krita did not take the layer."
    assert not session.results.items[0].applied
    canvas.problem = None
    session.results.apply(session.results.items[0].id)
    assert len(canvas.layers) == 1


def test_a_full_disk_here_is_said_before_anything_is_sent(
    new_session: NewSession, service: FakeService, canvas: FakeCanvas, qtbot: QtBot, tmp_path: Path
) -> None:
    session = new_session(service)
    connect(session, qtbot)
    (tmp_path / "krita").write_text("a file where the folder should be", encoding="utf-8")
    session.settings.prompt = "x"
    session.generate()
    qtbot.waitUntil(lambda: session.notice is not None, timeout=5000)
    assert "safe keeping" in session.notice.title and service.jobs == {}


def test_the_canvas_says_once_what_the_artist_should_know(
    new_session: NewSession, service: FakeService, canvas: FakeCanvas, qtbot: QtBot
) -> None:
    canvas.said = "CMYK: colours outside print range may shift a little."
    session = new_session(service)
    assert session.notice is not None and session.notice.title.startswith("CMYK")

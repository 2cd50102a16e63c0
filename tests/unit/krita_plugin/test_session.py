"""A picture's way through the session, against a small fake of the service and of the canvas."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pytestqt.qtbot import QtBot

from wakebrush.canvas.rect import Rect
from wakebrush.client.profiles import Profile
from wakebrush.client.store import MemoryStore
from wakebrush.session import Session
from wakebrush.session.settings import PaintSettings

from .fake_canvas import FakeCanvas
from .fake_service import FakeService, machine

NewSession = Callable[..., Session]


def connect(session: Session, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: session.connected, timeout=5000)


def press(session: Session, qtbot: QtBot, service: FakeService, prompt: str = "a lighthouse in a storm") -> str:
    """Presses the button and waits until the service has the job; its id."""
    before = set(service.jobs)
    session.settings.prompt = prompt
    session.generate()
    assert session.notice is None
    qtbot.waitUntil(
        lambda: any(each.job_id in set(service.jobs) - before for each in session.work.pictures.values()), timeout=5000
    )
    (job,) = set(service.jobs) - before
    return job


def journal_entries(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(path.read_text()) for path in folder.glob("krita/journal/*/entry.json")]


def arrived(session: Session, qtbot: QtBot, count: int = 1) -> None:
    """Waits until so many results are there."""
    qtbot.waitUntil(lambda: len(session.results.items) == count, timeout=5000)


def test_a_result_is_looked_at_and_becomes_one_layer_in_its_place(
    new_session: NewSession, service: FakeService, canvas: FakeCanvas, picture: bytes, qtbot: QtBot, tmp_path: Path
) -> None:
    canvas.selection, canvas.empty = Rect(100, 100, 200, 150), False
    session = new_session(service)
    connect(session, qtbot)
    job = press(session, qtbot, service)
    service.finish(job, picture)
    arrived(session, qtbot)
    area = Rect(*(service.jobs[job]["region"][name] for name in ("x", "y", "width", "height")))
    qtbot.waitUntil(lambda: [part[1] for part in canvas.overlay.parts] == [area], timeout=5000)
    assert canvas.layers == [] and session.progress is None
    session.results.apply()
    assert canvas.layers == [("d1", "a lighthouse in a storm", area)]
    assert canvas.overlay.parts == () and session.results.items[0].applied


def test_the_frame_of_an_animation_is_remembered_with_what_she_pressed_there(
    new_session: NewSession, service: FakeService, canvas: FakeCanvas, picture: bytes, qtbot: QtBot
) -> None:
    session = new_session(service)
    connect(session, qtbot)
    canvas.shown_frame = 12
    job = press(session, qtbot, service)
    canvas.shown_frame = 20
    service.finish(job, picture)
    arrived(session, qtbot)
    assert session.results.items[0].recipe.frame == 12


def test_a_selection_sends_image_and_mask_and_an_empty_canvas_neither(
    new_session: NewSession, service: FakeService, canvas: FakeCanvas, qtbot: QtBot
) -> None:
    session = new_session(service)
    connect(session, qtbot)
    assert session.label == "Generate"
    job = press(session, qtbot, service)
    assert service.jobs[job]["mode"] == "text_to_image" and service.blobs == {}
    canvas.selection, canvas.empty = Rect(100, 100, 200, 150), False
    session.refresh_canvas()
    assert session.label == "Refine the selection"
    job = press(session, qtbot, service)
    assert service.jobs[job]["mode"] == "inpaint" and len(service.blobs) == 2


def test_a_press_shows_progress_before_anything_is_read_or_sent(
    new_session: NewSession, service: FakeService, canvas: FakeCanvas, qtbot: QtBot
) -> None:
    session = new_session(service)
    connect(session, qtbot)
    session.settings.prompt = "x"
    goes_on = threading.Event()

    def stand_still(method: str, path: str) -> None:
        goes_on.wait(20)

    service.refuse = stand_still
    begun = time.thread_time()  # of this thread: what else a busy computer does is not the button's work
    session.generate()
    assert time.thread_time() - begun < 0.1
    goes_on.set()
    assert session.progress is not None and session.progress_text == "sending" and canvas.captures == 0


def test_the_journal_holds_the_request_before_it_is_sent(
    new_session: NewSession, service: FakeService, canvas: FakeCanvas, qtbot: QtBot, tmp_path: Path
) -> None:
    at_arrival: list[list[dict[str, Any]]] = []

    def look(method: str, path: str) -> None:
        if path == "/v1/generate":
            at_arrival.append(journal_entries(tmp_path))

    service.refuse = look
    canvas.selection, canvas.empty = Rect(100, 100, 200, 150), False
    session = new_session(service)
    connect(session, qtbot)
    press(session, qtbot, service)
    (entry,) = at_arrival[0]
    assert entry["document_path"] == "/pictures/castle.kra" and entry["request"]["prompt"] == "a lighthouse in a storm"
    assert service.by_key.keys() == {entry["key"]}


def test_the_same_result_announced_twice_is_one(
    new_session: NewSession, service: FakeService, canvas: FakeCanvas, picture: bytes, qtbot: QtBot
) -> None:
    session = new_session(service)
    connect(session, qtbot)
    canvas.busy = True
    job = press(session, qtbot, service)
    service.finish(job, picture)
    arrived(session, qtbot)
    for _ in range(2):
        session.results.apply(session.results.items[0].id)
    qtbot.waitUntil(lambda: bool(canvas.waiting), timeout=5000)
    for _ in range(3):
        service.change(job, "job.succeeded")
    service.cut()
    qtbot.waitUntil(lambda: len(service.positions) > 1, timeout=5000)
    qtbot.waitUntil(lambda: service.calls.count(("GET", "/v1/styles")) > 1, timeout=5000)
    canvas.lift_the_pen()
    qtbot.wait(50)
    assert len(canvas.layers) == len(session.results.items) == 1


def test_several_pictures_become_several_layers_at_once_where_she_wants_that(
    new_session: NewSession, service: FakeService, canvas: FakeCanvas, picture: bytes, qtbot: QtBot
) -> None:
    session = new_session(service)
    session.settings.apply_at_once = True
    connect(session, qtbot)
    session.settings.count = 2
    job = press(session, qtbot, service, "two gulls")
    service.finish(job, picture, 0, last=False)
    qtbot.waitUntil(lambda: len(canvas.layers) == 1, timeout=5000)
    assert session.current is not None
    service.finish(job, picture, 1)
    qtbot.waitUntil(lambda: len(canvas.layers) == 2 and session.current is None, timeout=5000)
    assert [name for _, name, _ in canvas.layers] == ["two gulls (1)", "two gulls (2)"]


def test_a_layer_waits_for_the_stroke_and_says_so(
    new_session: NewSession, service: FakeService, canvas: FakeCanvas, picture: bytes, qtbot: QtBot
) -> None:
    session = new_session(service)
    connect(session, qtbot)
    canvas.busy = True
    service.finish(press(session, qtbot, service), picture)
    arrived(session, qtbot)
    session.results.apply()
    qtbot.waitUntil(lambda: "hand is off the canvas" in session.state_line.sentence, timeout=5000)
    assert canvas.layers == []
    canvas.lift_the_pen()
    assert len(canvas.layers) == 1 and "hand is off" not in session.state_line.sentence


def test_cancel_ends_the_job_and_no_layer_comes(
    new_session: NewSession, service: FakeService, canvas: FakeCanvas, picture: bytes, qtbot: QtBot, tmp_path: Path
) -> None:
    session = new_session(service)
    connect(session, qtbot)
    job = press(session, qtbot, service)
    session.cancel()
    assert session.progress is None
    qtbot.waitUntil(lambda: service.jobs[job]["state"] == "cancelled" and journal_entries(tmp_path) == [], timeout=5000)
    service.finish(job, picture)
    qtbot.wait(100)
    assert session.results.items == ()


def test_cancel_before_the_service_knows_the_job_still_ends_it(
    new_session: NewSession, service: FakeService, canvas: FakeCanvas, qtbot: QtBot, tmp_path: Path
) -> None:
    session = new_session(service)
    connect(session, qtbot)
    session.settings.prompt = "x"
    session.generate()
    session.cancel()
    qtbot.waitUntil(lambda: not session.work.pictures and journal_entries(tmp_path) == [], timeout=5000)
    assert all(job["state"] == "cancelled" for job in service.jobs.values())


def test_a_cancel_while_offline_reaches_the_service_when_it_is_back(
    new_session: NewSession, service: FakeService, canvas: FakeCanvas, qtbot: QtBot
) -> None:
    session = new_session(service)
    connect(session, qtbot)
    job = press(session, qtbot, service)
    service.stop()
    qtbot.waitUntil(lambda: not session.connected, timeout=5000)
    session.cancel()
    assert session.progress is None
    service.start_again()
    qtbot.waitUntil(lambda: service.jobs[job]["state"] == "cancelled", timeout=8000)


def test_what_finished_while_offline_arrives_afterwards(
    new_session: NewSession, service: FakeService, canvas: FakeCanvas, picture: bytes, qtbot: QtBot
) -> None:
    session = new_session(service)
    connect(session, qtbot)
    job = press(session, qtbot, service)
    service.refuse = lambda method, path: (503, "away")
    service.cut()
    qtbot.waitUntil(lambda: session.state_line.sentence.startswith("Offline. Still painting"), timeout=5000)
    service.finish(job, picture)
    service.refuse = lambda method, path: None
    qtbot.waitUntil(lambda: len(session.results.items) == 1, timeout=8000)


def test_a_press_while_offline_is_kept_and_sent_later(
    new_session: NewSession, service: FakeService, canvas: FakeCanvas, qtbot: QtBot, tmp_path: Path
) -> None:
    session = new_session(service)
    connect(session, qtbot)
    service.stop()
    qtbot.waitUntil(lambda: not session.connected, timeout=5000)
    session.settings.prompt = "x"
    session.generate()
    assert session.notice is not None and "does not answer" in session.notice.title
    qtbot.waitUntil(lambda: len(journal_entries(tmp_path)) == 1, timeout=5000)
    service.start_again()
    qtbot.waitUntil(lambda: len(service.jobs) == 1, timeout=8000)


def test_a_wake_is_told_stage_by_stage_on_one_bar_that_never_turns_back(
    new_session: NewSession, service: FakeService, canvas: FakeCanvas, picture: bytes, qtbot: QtBot
) -> None:
    service.machines = [machine("asleep")]
    session = new_session(service)
    connect(session, qtbot)
    qtbot.waitUntil(lambda: session.state_line.sentence.startswith("Asleep."))
    shown: list[float] = []
    session.changed.connect(
        lambda name: shown.append(session.progress) if name == "progress" and session.progress is not None else None
    )
    job = press(session, qtbot, service)
    service.change(job, "job.waiting", waiting_for="machine_waking")
    for stage in ("requested", "starting", "booting", "engine"):
        service.tell_machine(state="waking", stage=stage, eta_seconds=30.0)
        qtbot.waitUntil(lambda: session.state_line.sentence.startswith("Waking"), timeout=5000)
    service.tell_machine(state="busy")
    service.change(job, "job.running", state="running", stage="models", waiting_for=None)
    qtbot.waitUntil(lambda: session.state_line.sentence == "Loading the model.", timeout=5000)
    for step in range(1, 13):
        service.push("job.progress", dict(service.jobs[job]), durable=False, stage="sampling", picture=0, step=step, steps=12)
    qtbot.waitUntil(lambda: session.progress_text == "painting 12/12", timeout=5000)
    service.finish(job, picture)
    arrived(session, qtbot)
    assert len(shown) > 5 and shown == sorted(shown)


def test_a_preview_is_shown_in_the_docker_and_is_never_a_layer(
    new_session: NewSession, service: FakeService, canvas: FakeCanvas, picture: bytes, qtbot: QtBot
) -> None:
    session = new_session(service)
    connect(session, qtbot)
    job = press(session, qtbot, service)
    service.preview(job, picture)
    qtbot.waitUntil(lambda: session.preview is not None, timeout=5000)
    service.preview("somebody else's", picture)
    assert canvas.layers == [] and [area for _, area in canvas.overlay.previewed] == [Rect(0, 0, 640, 480)]
    session.cancel()
    assert session.preview is None and canvas.overlay.previewed == ()


def test_testing_the_connection_answers_without_touching_the_present_one(
    new_session: NewSession, service: FakeService, canvas: FakeCanvas, qtbot: QtBot
) -> None:
    session, answers = new_session(), []
    session.connecting.test(Profile("", "", service.endpoint, "wrong"), answers.append, answers.append)
    session.connecting.test(Profile("", "", service.endpoint, service.token), answers.append, answers.append)
    qtbot.waitUntil(lambda: len(answers) == 2, timeout=5000)
    assert "no longer paired" in str(answers[0]) and answers[1].artist == "Mira"
    assert not session.connected


def test_stopping_with_work_in_every_lane_ends_in_time(
    new_session: NewSession, service: FakeService, canvas: FakeCanvas, picture: bytes, qtbot: QtBot
) -> None:
    canvas.selection, canvas.empty = Rect(100, 100, 200, 150), False
    session = new_session(service)
    connect(session, qtbot)
    job = press(session, qtbot, service)
    service.finish(job, picture)
    session.generate()
    begun = time.monotonic()
    assert session.stop()
    assert time.monotonic() - begun < 3


def test_settings_outlive_the_session(qapp: object) -> None:
    store = MemoryStore()
    settings = PaintSettings(store)
    settings.prompt, settings.strength, settings.count = "château", 45, 4
    settings.save()
    again = PaintSettings(store)
    assert (again.prompt, again.strength, again.count) == ("château", 45, 1)


def test_damaged_settings_count_as_none(qapp: object) -> None:
    assert PaintSettings(MemoryStore({"paint": '{"strength": "x", "prompt": 3'})).strength == 70
    assert PaintSettings(MemoryStore({"paint": '{"strength": "x"}'})).strength == 70

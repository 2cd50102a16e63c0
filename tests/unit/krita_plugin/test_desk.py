"""The desk against a fake service: wake, keep awake, queue, prices, ideas."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pytestqt.qtbot import QtBot

from wakebrush.canvas.rect import Rect
from wakebrush.session import Session
from wakebrush.session.desk import Desk
from wakebrush.session.queue import Row

from .fake_canvas import FakeCanvas
from .fake_service import FakeService, machine, new_job
from .test_session import NewSession, connect, press
from .test_waits import Clock

ASLEEP = {"state": "asleep", "engine": {"name": "ComfyUI", "version": "1", "practice": False}}


def until(qtbot: QtBot, what: Callable[[], object]) -> None:
    qtbot.waitUntil(lambda: bool(what()), timeout=5000)


def calls(service: FakeService, path: str) -> int:
    return sum(called == path for _, called in service.calls)


@pytest.fixture
def sleeping(service: FakeService) -> FakeService:
    service.machines = [machine(**ASLEEP)]
    return service


def connected(new_session: NewSession, service: FakeService, qtbot: QtBot, clock: Clock | None = None) -> Session:
    session = new_session(service, clock=clock) if clock else new_session(service)
    connect(session, qtbot)
    until(qtbot, lambda: session.desk.machines and session.desk.quotes.quote)
    return session


def test_the_button_tells_what_a_wake_costs_and_what_it_is_made_of(
    new_session: NewSession, sleeping: FakeService, qtbot: QtBot
) -> None:
    desk = connected(new_session, sleeping, qtbot).desk
    assert desk.price == "starts the machine: about $0.50"
    assert desk.price_tip == "waking $0.02 · painting $0.003 · staying awake afterwards up to $0.48"
    assert desk.view.wake == "Wake now · about $0.50"


def test_the_price_follows_the_count_and_the_machine(new_session: NewSession, sleeping: FakeService, qtbot: QtBot) -> None:
    session = connected(new_session, sleeping, qtbot)
    sleeping.tell_machine(state="ready")
    until(qtbot, lambda: session.desk.price == "about $0.003")
    session.settings.count = 30
    until(qtbot, lambda: session.desk.price == "about $0.09")
    assert sleeping.bodies[-1][1]["count"] == 10


def test_the_same_price_is_not_asked_for_twice(
    new_session: NewSession, sleeping: FakeService, canvas: FakeCanvas, qtbot: QtBot
) -> None:
    clock = Clock()
    desk = connected(new_session, sleeping, qtbot, clock).desk
    asked = calls(sleeping, "/v1/price")
    desk.quotes.ask()
    clock.now += 61
    desk.quotes.ask()
    until(qtbot, lambda: calls(sleeping, "/v1/price") == asked + 1)
    canvas.active = None
    clock.now += 61
    desk.quotes.ask()
    assert calls(sleeping, "/v1/price") == asked + 1


def test_the_price_before_stands_until_another_has_come(new_session: NewSession, service: FakeService, qtbot: QtBot) -> None:
    session = connected(new_session, service, qtbot)
    said: list[str] = []
    session.desk.changed.connect(lambda name: said.append(session.desk.price) if name == "price" else None)
    session.settings.count = 4
    until(qtbot, lambda: session.desk.price == "about $0.01")
    assert said == ["about $0.01"]


def test_a_service_that_knows_no_prices_leaves_what_the_machine_costs(
    new_session: NewSession, sleeping: FakeService, qtbot: QtBot
) -> None:
    gone = {"status": 404, "code": "not_found", "title": "No such path."}
    sleeping.refuse = lambda method, path: (404, gone) if path == "/v1/price" else None
    session = new_session(sleeping)
    connect(session, qtbot)
    until(qtbot, lambda: calls(sleeping, "/v1/price"))
    until(qtbot, lambda: session.desk.price == "starts the machine: about $0.52")
    assert session.notice is None and session.desk.price_tip == ""


def test_she_wakes_the_machine_and_sees_it_wake(new_session: NewSession, sleeping: FakeService, qtbot: QtBot) -> None:
    session = connected(new_session, sleeping, qtbot)
    sleeping.machines[0].update(state="waking", stage="requested", eta_seconds=60.0, since="2099-01-01T00:00:00Z")
    session.desk.wake()
    until(qtbot, lambda: session.state_line.sentence == "Waking: asking for the machine. About 1 min left.")
    assert calls(sleeping, "/v1/wake") == 1 and session.desk.view.wake == ""


def test_it_is_kept_awake_for_an_hour_at_a_price_and_let_go(new_session: NewSession, service: FakeService, qtbot: QtBot) -> None:
    clock = Clock()
    session = connected(new_session, service, qtbot, clock)
    desk = session.desk
    assert desk.view.hold == "Keep awake 1 h · up to $1.01"
    desk.keep_awake()
    until(qtbot, lambda: desk.view.let_go)
    assert session.state_line.sentence.endswith(", no waiting.") and desk.view.hold == ""
    until(qtbot, lambda: desk.aside.endswith(", up to $1.01."))
    clock.now += 8
    desk.tick()
    assert desk.aside == ""
    desk.let_go()
    until(qtbot, lambda: desk.view.hold)


def test_a_refusal_is_said_in_the_services_words(new_session: NewSession, service: FakeService, qtbot: QtBot) -> None:
    session = connected(new_session, service, qtbot)
    problem = {"status": 402, "code": "budget_exhausted", "title": "November's $200 are used up.", "hint": "Ask your admin."}
    service.refuse = lambda method, path: (402, problem) if path.endswith("/hold") else None
    session.desk.keep_awake()
    until(qtbot, lambda: session.notice)
    assert session.notice is not None and session.notice.title == "November's $200 are used up."


def test_an_answer_that_cannot_be_read_is_told_as_such(new_session: NewSession, service: FakeService, qtbot: QtBot) -> None:
    session = connected(new_session, service, qtbot)
    service.refuse = lambda method, path: (200, {"garbage": True}) if path.endswith("/hold") else None
    session.desk.keep_awake()
    until(qtbot, lambda: session.notice)
    assert session.notice is not None and "cannot read (KeyError)" in session.notice.title


def test_without_a_service_a_verb_says_so(new_session: NewSession, qtbot: QtBot) -> None:
    session = new_session()
    session.desk.wake()
    assert session.notice is not None and session.notice.title == "The service cannot be reached just now."
    session.desk.keep_awake()
    session.desk.let_go()  # there is no machine to speak of


def test_the_queue_lists_what_waits_and_what_can_go_first(new_session: NewSession, service: FakeService, qtbot: QtBot) -> None:
    session = connected(new_session, service, qtbot)
    first, second = (press(session, qtbot, service, prompt) for prompt in ("one", "two"))
    service.change(second, "job.waiting", waiting_for="machine_busy", ahead=1)
    until(qtbot, lambda: [row.sentence for row in session.desk.rows] == ["next", "1 before it"])
    session.desk.to_front(session.desk.rows[1])
    until(qtbot, lambda: [row.keys for row in session.desk.rows] == [(second,), (first,)])
    service.change(second, "job.running", state="running", stage="sampling")
    service.push("job.progress", durable=False, job={"id": second}, step=3, steps=12)
    until(qtbot, lambda: session.desk.rows[0].sentence == "painting 3/12")


def test_a_press_that_is_not_sent_yet_is_in_the_list(new_session: NewSession, service: FakeService, qtbot: QtBot) -> None:
    session = connected(new_session, service, qtbot)
    session.settings.prompt = "a lighthouse"
    session.generate()
    assert [(row.title, row.sentence, row.state) for row in session.desk.rows] == [("a lighthouse", "sending", "unsent")]
    session.desk.cancel_row(session.desk.rows[0])
    until(qtbot, lambda: session.desk.rows == () and not session.work.pictures)


def test_cancelling_while_it_wakes_says_whether_it_sleeps_again(
    new_session: NewSession, sleeping: FakeService, qtbot: QtBot
) -> None:
    session = connected(new_session, sleeping, qtbot)
    sleeping.tell_machine(state="waking", eta_seconds=40.0)
    press(session, qtbot, sleeping)
    until(qtbot, lambda: session.desk.rows)
    session.desk.cancel_row(session.desk.rows[0])
    until(qtbot, lambda: session.desk.aside == "Cancelled. The machine goes back to sleep.")
    assert session.desk.rows == () and session.progress is None


def test_all_of_hers_go_at_once_those_of_other_programs_too(new_session: NewSession, service: FakeService, qtbot: QtBot) -> None:
    session = connected(new_session, service, qtbot)
    press(session, qtbot, service)
    foreign = new_job({"prompt": "from elsewhere", "count": 2})
    service.jobs[foreign["id"]] = foreign
    service.push("job.queued", dict(foreign))
    until(qtbot, lambda: len(session.desk.rows) == 2)
    session.desk.cancel_mine()
    until(qtbot, lambda: session.desk.rows == () and not session.work.pictures)
    assert ("/v1/jobs", "mine") in service.bodies


def test_one_press_of_another_program_can_be_let_go_of(new_session: NewSession, service: FakeService, qtbot: QtBot) -> None:
    session = connected(new_session, service, qtbot)
    foreign = new_job({"prompt": "", "count": 1})
    service.jobs[foreign["id"]] = foreign
    service.push("job.queued", dict(foreign))
    until(qtbot, lambda: session.desk.rows)
    session.desk.cancel_row(session.desk.rows[0])
    until(qtbot, lambda: session.desk.rows == ())
    assert service.jobs[foreign["id"]]["state"] == "cancelled"


def test_letting_go_of_a_press_lets_go_of_all_its_jobs(new_session: NewSession, service: FakeService, qtbot: QtBot) -> None:
    session = connected(new_session, service, qtbot)
    session.settings.prompt, session.settings.count = "x", 23
    session.generate()
    until(qtbot, lambda: len(session.desk.rows) == 1 and len(session.desk.rows[0].keys) == 3)
    assert session.progress_text == "waiting"  # one press, so nobody else waits
    session.desk.cancel_row(session.desk.rows[0])
    until(qtbot, lambda: session.desk.rows == () and not session.work.pictures)
    assert {job["state"] for job in service.jobs.values()} == {"cancelled"}


def test_in_canvas_only_mode_the_canvas_says_it(
    new_session: NewSession, sleeping: FakeService, canvas: FakeCanvas, picture: bytes, qtbot: QtBot
) -> None:
    session = connected(new_session, sleeping, qtbot)
    canvas.canvas_only = True
    job = press(session, qtbot, sleeping)
    sleeping.tell_machine(state="waking", eta_seconds=60.0)
    sleeping.tell_machine(state="ready")
    sleeping.finish(job, picture)
    until(qtbot, lambda: [said for said, _ in canvas.messages][-1:] == ["Your picture is here."])
    assert [said for said, _ in canvas.messages][:2] == ["Waking, about 1 min.", "The machine is awake."]
    job = press(session, qtbot, sleeping)
    error = {"code": "engine_out_of_memory", "message": "The GPU ran out of memory.", "hint": "Select a smaller area."}
    sleeping.change(job, "job.failed", state="failed", error=error)
    until(qtbot, lambda: canvas.messages[-1][0] == "The GPU ran out of memory.")


def test_an_admin_lets_go_of_everybodys(new_session: NewSession, service: FakeService, qtbot: QtBot) -> None:
    service.me["roles"] = ["admin"]
    session = connected(new_session, service, qtbot)
    assert session.desk.admin
    press(session, qtbot, service)
    session.desk.cancel_all("all")
    until(qtbot, lambda: session.desk.aside == "Cancelled.")
    assert ("/v1/jobs", "all") in service.bodies and session.desk.rows == ()


def test_ideas_are_put_aside_while_it_sleeps_and_painted_with_one_wake(
    new_session: NewSession, sleeping: FakeService, qtbot: QtBot
) -> None:
    session = connected(new_session, sleeping, qtbot)
    session.settings.gather = True
    assert session.label == "Put the idea aside" and session.desk.price.startswith("costs nothing yet")
    for prompt in ("one", "two", "three"):
        press(session, qtbot, sleeping, prompt)
    until(qtbot, lambda: session.desk.release_label == "Wake and paint 3 ideas · about $0.51")
    assert session.progress is None and calls(sleeping, "/v1/wake") == 0
    session.desk.release()
    until(qtbot, lambda: session.desk.release_label == "" and session.progress is not None)
    sleeping.tell_machine(state="ready")
    until(qtbot, lambda: session.label == "Generate")


def test_more_pictures_than_one_job_makes_become_several_with_seeds_in_a_row(
    new_session: NewSession, service: FakeService, qtbot: QtBot
) -> None:
    session = connected(new_session, service, qtbot)
    session.settings.prompt, session.settings.seed, session.settings.count = "x", "100", 23
    session.generate()
    until(qtbot, lambda: len(service.jobs) == 3)
    assert sorted((job["seed"], job["count"]) for job in service.jobs.values()) == [(100, 10), (110, 10), (120, 3)]


def test_afterwards_the_real_cost_is_said_until_the_next_press(
    new_session: NewSession, service: FakeService, picture: bytes, qtbot: QtBot
) -> None:
    session = connected(new_session, service, qtbot)
    job = press(session, qtbot, service)
    service.jobs[job]["cost"] = {"amount": 0.0021, "currency": "USD"}
    service.finish(job, picture)
    until(qtbot, lambda: session.desk.price == "about $0.003 · painting the last one cost $0.002")
    press(session, qtbot, service)
    until(qtbot, lambda: session.desk.price == "about $0.003")


def test_the_month_is_shown_or_hidden_as_she_likes(new_session: NewSession, service: FakeService, qtbot: QtBot) -> None:
    session = connected(new_session, service, qtbot)
    assert session.desk.budget == "Team: $3.10 of $20 in November"
    session.settings.quiet_budget = True
    assert session.desk.budget == ""


def waiting_desk(session: Session, clock: Clock) -> Desk:
    """She has shown an intent, and paused."""
    session.desk.sign()
    clock.now += 2
    return session.desk


def test_a_wake_on_intent_is_off_until_she_wants_it(new_session: NewSession, sleeping: FakeService, qtbot: QtBot) -> None:
    clock = Clock()
    session = connected(new_session, sleeping, qtbot, clock)
    waiting_desk(session, clock).answer_intent()
    assert calls(sleeping, "/v1/wake") == 0
    session.settings.wake_on_intent = True
    waiting_desk(session, clock).answer_intent()
    until(qtbot, lambda: calls(sleeping, "/v1/wake") == 1)
    for _ in range(3):
        waiting_desk(session, clock).answer_intent()
    session.desk.wake()
    until(qtbot, lambda: calls(sleeping, "/v1/wake") == 2)  # her own, and no other


def test_a_selection_is_an_intent_a_change_of_document_is_none(
    new_session: NewSession, sleeping: FakeService, canvas: FakeCanvas, qtbot: QtBot
) -> None:
    clock = Clock()
    session = connected(new_session, sleeping, qtbot, clock)
    session.settings.wake_on_intent = True
    canvas.documents["d2"], canvas.active, canvas.selection = "", "d2", Rect(0, 0, 64, 64)
    session.refresh_canvas()
    clock.now += 2
    session.desk.answer_intent()
    canvas.selection = None
    session.refresh_canvas()
    assert calls(sleeping, "/v1/wake") == 0
    canvas.selection = Rect(0, 0, 64, 64)
    session.refresh_canvas()
    clock.now += 2
    session.desk.answer_intent()
    until(qtbot, lambda: calls(sleeping, "/v1/wake") == 1)


@pytest.mark.parametrize("why", ["awake", "budget", "offline", "pressed"])
def test_a_wake_that_is_not_needed_or_cannot_be_paid_is_not_asked_for(
    new_session: NewSession, sleeping: FakeService, qtbot: QtBot, why: str
) -> None:
    clock = Clock()
    if why == "budget":
        sleeping.me["budget"]["spent"]["amount"] = 19.9
    session = connected(new_session, sleeping, qtbot, clock)
    session.settings.wake_on_intent = True
    if why == "awake":
        sleeping.tell_machine(state="ready")
        until(qtbot, lambda: session.state_line.sentence == "Ready.")
    elif why == "offline":
        session.desk.connected = False
    desk = waiting_desk(session, clock)
    if why == "pressed":
        desk.pressed()
    desk.answer_intent()
    session.desk.connected = True
    desk.to_front(Row(("none",), "", ""))
    until(qtbot, lambda: calls(sleeping, "/v1/jobs/none/front"))  # what was asked before would have arrived before
    assert calls(sleeping, "/v1/wake") == 0

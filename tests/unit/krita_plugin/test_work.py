"""One press of the button on its way to the service, with all its regions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from wakebrush.canvas.plan import ModelSize, Rect, Scene, Task
from wakebrush.client.config import Connection
from wakebrush.journal import Journal
from wakebrush.session.link import Link
from wakebrush.session.planned import Planned
from wakebrush.session.region_settings import RegionSettings
from wakebrush.session.request import Order, PaintRequest, portions
from wakebrush.session.work import Work

from .fake_canvas import FakeCanvas
from .fake_service import TOKEN, FakeService

ISLANDS = Rect(50, 50, 100, 100), Rect(2800, 400, 100, 100)
REQUEST = PaintRequest("a castle", "", "gouache", (Order("a castle", "", 7),))
SEVERAL = PaintRequest("a castle", "", "gouache", portions([Order("a castle", "", 7, 3)], 2))


@pytest.fixture
def canvas() -> FakeCanvas:
    made = FakeCanvas()
    made.size = (3000, 600)
    made.selection, made.empty = ISLANDS[0].united(ISLANDS[1]), False
    made.shown = Scene(made.size, islands=ISLANDS)
    return made


@pytest.fixture
def work(qtbot: QtBot, service: FakeService, canvas: FakeCanvas, tmp_path: Path) -> Iterator[Work]:
    link = Link(lambda: Connection(service.endpoint, TOKEN, "settings"))
    made = Work(link, canvas, Journal(tmp_path / "journal"))
    link.online.connect(made.online)
    link.event.connect(made.take)
    with qtbot.waitSignal(link.online, timeout=10_000):
        link.start()
    yield made
    assert link.stop()


def press(work: Work, canvas: FakeCanvas, request: PaintRequest = REQUEST, task: Task = Task.FILL) -> Planned:
    planned = Planned.now(canvas, RegionSettings(), task, ModelSize(512, 512))
    work.begin(request, planned)
    return planned


def jobs(service: FakeService) -> list[dict[str, Any]]:
    return list(service.jobs.values())


def bodies(work: Work) -> list[dict[str, Any]]:
    return [picture.entry.request for picture in work.pictures.values() if picture.entry is not None]


def test_distant_parts_become_jobs_of_one_press(qtbot: QtBot, work: Work, canvas: FakeCanvas, service: FakeService) -> None:
    planned = press(work, canvas)
    assert len(work.pictures) == len(planned.plan.regions) == 2
    qtbot.waitUntil(lambda: len(jobs(service)) == 2, timeout=10_000)
    qtbot.waitUntil(lambda: all(picture.job_id for picture in work.pictures.values()), timeout=10_000)
    sent = bodies(work)
    assert len({each["group"] for each in sent}) == 1
    assert [each["region"]["x"] for each in sent] == [region.area.x for region in planned.plan.regions]
    assert [entry.entry.part for entry in work.pictures.values() if entry.entry] == [0, 1]


def test_all_regions_are_read_in_one_turn_after_the_bar_is_shown(qtbot: QtBot, work: Work, canvas: FakeCanvas) -> None:
    shown: list[int] = []
    work.changed.connect(lambda: shown.append(canvas.captures))
    press(work, canvas)
    assert shown == [0], "what she sees changes before anything is read"
    qtbot.waitUntil(lambda: canvas.captures > 0, timeout=10_000)
    assert canvas.captures == 2


def test_a_large_batch_is_read_once_for_each_region(qtbot: QtBot, work: Work, canvas: FakeCanvas, service: FakeService) -> None:
    press(work, canvas, SEVERAL)
    assert sum(picture.count for picture in work.pictures.values()) == 6
    qtbot.waitUntil(lambda: len(jobs(service)) == 4, timeout=10_000)
    assert canvas.captures == 2
    assert sorted((each["seed"], each["count"]) for each in bodies(work)) == [(7, 2), (7, 2), (9, 1), (9, 1)]


def test_the_source_says_what_is_read(qtbot: QtBot, work: Work, canvas: FakeCanvas) -> None:
    settings = RegionSettings()
    settings.read_from = "below"
    work.begin(REQUEST, Planned.now(canvas, settings, Task.FILL, ModelSize(512, 512)))
    qtbot.waitUntil(lambda: len(canvas.sources) == 2, timeout=10_000)
    assert {source.read_from.value for source in canvas.sources} == {"below"}


def test_a_press_that_is_let_go_of_before_it_is_read_reads_nothing(
    qtbot: QtBot, work: Work, canvas: FakeCanvas, service: FakeService
) -> None:
    press(work, canvas)
    work.cancel_press(next(iter(work.pictures.values())).press)
    qtbot.waitUntil(lambda: not work.pictures, timeout=10_000)
    assert canvas.captures == 0 and jobs(service) == []


def test_letting_go_of_a_press_ends_all_its_jobs(qtbot: QtBot, work: Work, canvas: FakeCanvas, service: FakeService) -> None:
    press(work, canvas)
    qtbot.waitUntil(lambda: all(picture.job_id for picture in work.pictures.values()), timeout=10_000)
    work.cancel_press(next(iter(work.pictures.values())).press)
    qtbot.waitUntil(lambda: not work.pictures, timeout=10_000)
    assert {job["state"] for job in jobs(service)} == {"cancelled"}


def test_one_part_that_is_let_go_of_leaves_the_others(qtbot: QtBot, work: Work, canvas: FakeCanvas, service: FakeService) -> None:
    press(work, canvas)
    work.cancel(next(iter(work.pictures.values())))
    qtbot.waitUntil(lambda: len(jobs(service)) == 1, timeout=10_000)
    assert canvas.captures == 1 and len(work.pictures) == 1


def test_a_document_that_is_closed_at_once_is_said_once(
    qtbot: QtBot, work: Work, canvas: FakeCanvas, service: FakeService
) -> None:
    said: list[Any] = []
    work.told.connect(said.append)
    press(work, canvas)
    canvas.active = None
    qtbot.waitUntil(lambda: not work.pictures, timeout=10_000)
    assert [notice.title for notice in said] == ["Open or create a document first."]
    assert jobs(service) == []


def test_a_full_disk_is_said_once_for_a_region_and_nothing_is_sent(
    qtbot: QtBot, work: Work, canvas: FakeCanvas, service: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Journal, "write", full)
    said: list[Any] = []
    work.told.connect(said.append)
    press(work, canvas, SEVERAL)
    qtbot.waitUntil(lambda: not work.pictures, timeout=10_000)
    assert len(said) == 2 and "No space left" in said[0].title
    assert jobs(service) == []

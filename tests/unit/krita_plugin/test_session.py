"""A picture's way through the session, against a small fake of the service and of the canvas."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot
from wakebrush.canvas.region import Rect
from wakebrush.session import Session

from .fake_canvas import FakeCanvas
from .fake_service import FakeService


def press(session: Session, qtbot: QtBot, service: FakeService) -> str:
    """Presses the button and waits until the service has the job; its id."""
    before = set(service.jobs)
    session.settings.prompt = "a lighthouse in a storm"
    session.generate()
    qtbot.waitUntil(lambda: session.current is not None and session.current.job is not None, timeout=5000)
    (job,) = set(service.jobs) - before
    return job


def test_a_result_becomes_one_layer_in_its_place(new_session, service: FakeService, canvas: FakeCanvas, picture: bytes, qtbot: QtBot) -> None:
    canvas.selection, canvas.empty = Rect(100, 100, 200, 150), False
    session = new_session(service)
    qtbot.waitUntil(lambda: session.connected, timeout=5000)
    job = press(session, qtbot, service)
    service.finish(job, picture)
    qtbot.waitUntil(lambda: bool(canvas.layers), timeout=5000)
    area = service.jobs[job]["region"]
    assert canvas.layers == [("d1", "a lighthouse in a storm", Rect(area["x"], area["y"], area["width"], area["height"]))]
    qtbot.waitUntil(lambda: session.progress is None)

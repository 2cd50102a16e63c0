"""Nothing changes in the picture while a stroke, a button or a pen is under way."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from wakebrush.qt import QApplication, QEvent, Qt


@dataclass
class PenEvent:
    """A tablet event, as far as it is looked at."""

    kind: QEvent.Type
    held: Qt.MouseButton = Qt.MouseButton.NoButton

    def type(self) -> QEvent.Type:
        return self.kind

    def buttons(self) -> Qt.MouseButton:
        return self.held


@pytest.fixture
def moment(desk, qtbot):
    """A quiet moment that is waited for, and what became of it."""
    from wakebrush.canvas.busy import QuietMoment

    happened: list[str] = []
    documents = [desk.document]
    made = QuietMoment(lambda: documents[0], lambda _: happened.append("then"), lambda: happened.append("gone"))
    yield made, documents, happened
    documents[0] = None
    qtbot.waitUntil(lambda: happened != [], timeout=2000)


def test_a_stroke_is_waited_for(desk, moment, qtbot):
    made, _, happened = moment
    desk.document.busy = True
    made._look()
    assert happened == []
    desk.document.busy = False
    qtbot.waitUntil(lambda: happened == ["then"], timeout=2000)


def test_a_pen_that_is_down_is_waited_for(moment):
    made, _, happened = moment
    pen = made._pen
    pen.eventFilter(None, PenEvent(QEvent.Type.TabletPress))
    made._look()
    pen.eventFilter(None, PenEvent(QEvent.Type.TabletMove, Qt.MouseButton.LeftButton))
    made._look()
    assert happened == []
    pen.eventFilter(None, PenEvent(QEvent.Type.TabletMove))
    assert pen.is_down is False, "a pen that only hovers is not down"
    pen.eventFilter(None, PenEvent(QEvent.Type.TabletPress))
    pen.eventFilter(None, PenEvent(QEvent.Type.TabletRelease))
    made._look()
    assert happened == ["then"]


def test_a_held_button_is_waited_for(moment, monkeypatch):
    made, _, happened = moment
    monkeypatch.setattr(QApplication, "mouseButtons", staticmethod(lambda: Qt.MouseButton.LeftButton))
    made._look()
    assert happened == []
    monkeypatch.undo()
    made._look()
    assert happened == ["then"]


def test_a_document_that_goes_meanwhile_is_told(moment):
    made, documents, happened = moment
    documents[0] = None
    made._look()
    assert happened == ["gone"]


def test_what_a_stroke_left_to_compute_is_given_a_moment(desk, monkeypatch):
    from wakebrush.canvas import busy

    answers = iter([False, False, True])
    monkeypatch.setattr(desk.document, "tryBarrierLock", lambda: next(answers))
    assert busy.comes_to_rest(desk.document) is True

"""The overlay over a made-up canvas: what it draws where. That this is the right place in Krita is shown in tests/krita."""

from __future__ import annotations

import pytest

from wakebrush.canvas.rect import Rect
from wakebrush.qt import QApplication, QColor, QImage, QPointF, QTransform


def part(colour: str, *box: int):
    image = QImage(4, 4, QImage.Format.Format_ARGB32)
    image.fill(QColor(colour))
    return image, Rect(*box)


def at(view, x: int, y: int) -> str:
    return view.widget.grab().toImage().pixelColor(x, y).name()


RED, GREEN = "#c8140a", "#14c80a"


def test_a_picture_lies_where_it_belongs_and_a_preview_only_where_nothing_else_is(desk):
    overlay = desk.canvas.overlay
    overlay.preview((part(GREEN, 10, 10, 20, 20),))
    assert at(desk.view, 15, 15) == GREEN
    overlay.show((part(RED, 10, 10, 20, 20), part(RED, 60, 60, 10, 10)))
    assert (at(desk.view, 15, 15), at(desk.view, 65, 65)) == (RED, RED) and at(desk.view, 45, 45) != RED
    overlay.hide()
    assert at(desk.view, 15, 15) == GREEN
    overlay.hide_preview()
    assert at(desk.view, 15, 15) not in (RED, GREEN)
    assert desk.view.widget.children() == [] or all(not child.isVisible() for child in desk.view.widget.children())


def test_it_follows_zoom_mirror_and_turn_when_the_canvas_is_painted(desk):
    overlay, looked = desk.canvas.overlay, desk.view.looked_through
    overlay.show((part(RED, 0, 0, 20, 20),))
    looked.zoom = 3.0
    desk.view.widget.repaint()
    assert at(desk.view, 55, 55) == RED
    looked.mirrored = True
    assert at(desk.view, 3 * 128 - 5, 5) == RED
    looked.mirrored, looked.turned = False, 90.0
    assert at(desk.view, 3 * 96 - 5, 5) == RED
    desk.view.widget.resize(500, 400)
    assert overlay._sheet.size() == desk.view.widget.size()


def test_a_wipe_shows_its_left_part_and_a_line(desk):
    desk.canvas.overlay.show((part(RED, 0, 0, 100, 80),), wipe=0.5)
    assert at(desk.view, 20, 40) == RED and at(desk.view, 80, 40) != RED
    assert at(desk.view, 50, 40) in ("#ffffff", "#000000")


def test_nothing_is_drawn_where_the_canvas_repeats_the_picture(desk):
    overlay = desk.canvas.overlay
    overlay.show((part(RED, 0, 0, 20, 20),))
    assert overlay.can_follow() is True
    desk.view.looked_through.wraps = True
    assert overlay.can_follow() is False and at(desk.view, 5, 5) != RED


def test_each_document_has_its_own(desk, qtbot):
    overlay = desk.canvas.overlay
    overlay.show((part(RED, 0, 0, 20, 20),))
    _, other = desk.open()
    qtbot.waitUntil(lambda: overlay._sheet is None)
    assert at(other, 5, 5) != RED
    overlay.show((part(GREEN, 0, 0, 20, 20),), document_id="nobody's")
    assert at(other, 5, 5) != GREEN
    overlay.show(())
    assert overlay._held is None


def test_a_view_that_is_closed_takes_it_along(desk, qtbot):
    overlay = desk.canvas.overlay
    overlay.show((part(RED, 0, 0, 20, 20),))
    desk.view.area.takeWidget().deleteLater()
    qtbot.waitUntil(lambda: overlay._sheet is None)
    assert overlay.can_follow() is False
    overlay.show((part(RED, 0, 0, 20, 20),))
    assert overlay._sheet is None


def test_newer_kritas_say_themselves_where_the_picture_is(desk):
    from wakebrush.canvas import views

    desk.view.flakeToImageTransform = lambda: QTransform.fromScale(2, 2)
    desk.view.flakeToCanvasTransform = lambda: QTransform.fromTranslate(7, 0)
    matrix = views.image_to_widget(desk.view, desk.view.widget)
    assert matrix is not None and matrix.map(QPointF(10, 10)) == QPointF(12, 5)
    desk.view.flakeToImageTransform = lambda: QTransform(0, 0, 0, 0, 0, 0)
    assert views.image_to_widget(desk.view, desk.view.widget) is None
    assert desk.canvas.overlay.can_follow() is False


def test_where_the_widgets_are_not_as_they_are_known_it_does_not_follow(desk):
    from wakebrush.canvas import views

    lone = type(desk.view.widget)()
    assert views.image_to_widget(desk.view, lone) is None
    desk.krita.window = None
    assert views.canvas_widget() is None and views.in_front() is None
    QApplication.processEvents()


@pytest.mark.parametrize("content", [b"", b"no json", b"[]", b'{"recipes": 5, "unseen": "x"}', b'{"recipes": {"a": 1}}'])
def test_notes_that_are_not_ours_are_none(desk, content):
    from wakebrush.canvas.notes import Notes, parsed

    assert parsed(content) == Notes()


def test_a_canvas_that_krita_has_replaced_is_not_drawn_on(desk):
    from wakebrush.canvas import views

    before = views.canvas_widget()
    assert before is desk.view.widget and views.canvas_widget() is before
    after, around = type(before)(), before.parentWidget()
    before.setParent(None)
    after.setParent(around)
    assert views.canvas_widget() is after

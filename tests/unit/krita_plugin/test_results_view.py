"""The thumbnails by mouse and by keyboard, and what can be done with one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from wakebrush.canvas.base import ActiveLayer, Where
from wakebrush.qt import QEvent, QImage, QPoint, Qt, QtCore, QtGui, QtWidgets, QWidget
from wakebrush.session.recipe import Recipe
from wakebrush.session.words import ago
from wakebrush.ui.results_view import ResultsView, file_name
from wakebrush.ui.thumbnails import GAP, TILE, Group, Thumbnails, grouped, lay_out, moved, tip

from .some_results import Shop, entry, journal, shop

__all__ = ["journal", "shop"]

Key = Qt.Key


@pytest.fixture
def view(shop: Shop, qtbot: QtBot) -> Iterator[ResultsView]:
    docker = QWidget()
    qtbot.addWidget(docker)
    column = QtWidgets.QVBoxLayout(docker)
    column.setContentsMargins(0, 0, 0, 0)
    view = ResultsView(shop.results)
    column.addWidget(view)
    docker.resize(3 * TILE + 2 * GAP + 4, 400)
    docker.show()
    yield view


def thumbnails(view: ResultsView) -> Thumbnails:
    found = view.findChild(QWidget, "thumbnails")
    assert isinstance(found, Thumbnails)
    return found


def find(view: ResultsView, name: str) -> QWidget:
    found = view.findChild(QWidget, name)
    assert found is not None, name
    return found


def bring_four(shop: Shop) -> None:
    """Two pictures of a newer prompt, two of an older one."""
    for n in range(2):
        shop.bring(entry("old", prompt="a tower", count=2, created_at=1.0), n)
    for n in range(2):
        shop.bring(entry("new", prompt="a  castle\nby night", count=2, created_at=2.0), n)
    shop.results.let_go()
    assert shop.ids == ["new:1", "new:0", "old:1", "old:0"]


def hover(view: ResultsView, item_id: str) -> None:
    widget = thumbnails(view)
    place = widget.tile(item_id).center() if item_id else QPoint(-5, -5)
    move = QtGui.QMouseEvent(
        QEvent.Type.MouseMove, QtCore.QPointF(place), QtCore.QPointF(place), Qt.MouseButton.NoButton, Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
    )  # fmt: skip
    QtWidgets.QApplication.sendEvent(widget, move)


def test_nothing_is_there_while_there_are_no_results(view: ResultsView, shop: Shop) -> None:
    assert view.isHidden()
    shop.bring(entry())
    assert not view.isHidden() and find(view, "result_verbs").isVisible()


def test_neighbours_of_one_prompt_share_a_heading(view: ResultsView, shop: Shop) -> None:
    bring_four(shop)
    groups = grouped(shop.results.items, frozenset({"old:0"}), lambda item: item.prompt)
    assert [(group.heading, [item.id for item in group.items]) for group in groups] == [
        ("a  castle\nby night", ["new:1", "new:0"]),
        ("a tower", ["old:1"]),
        ("Recovered", ["old:0"]),
    ]


def test_tiles_lie_in_rows_without_overlapping(view: ResultsView, shop: Shop) -> None:
    for n in range(7):
        shop.bring(entry(count=7), n)
    for width in (20, TILE, 3 * TILE + 2 * GAP, 1000):
        layout = lay_out([Group("x", shop.results.items)], width, 15)
        tiles = list(layout.tiles.values())
        assert all(not one.intersects(two) for one in tiles for two in tiles if one is not two)
        assert all(tile.right() < max(width, TILE) and tile.bottom() < layout.height for tile in tiles)


def test_arrows_reach_every_tile_and_stop_at_the_ends(view: ResultsView, shop: Shop) -> None:
    bring_four(shop)
    layout = lay_out(grouped(shop.results.items, frozenset(), lambda item: item.prompt), 3 * TILE + 2 * GAP, 15)
    assert moved(layout, "", Key.Key_Right) == "new:1"
    assert moved(layout, "new:1", Key.Key_Left) == "new:1" and moved(layout, "new:1", Key.Key_Right) == "new:0"
    assert moved(layout, "new:0", Key.Key_Down) == "old:0" and moved(layout, "old:0", Key.Key_Up) == "new:0"
    assert moved(layout, "old:0", Key.Key_Down) == "old:0" and moved(layout, "old:0", Key.Key_Right) == "old:0"
    assert (moved(layout, "old:1", Key.Key_Home), moved(layout, "new:1", Key.Key_End)) == ("new:1", "old:0")
    assert moved(lay_out([], 100, 15), "x", Key.Key_Right) == ""


def test_hover_peeks_and_leaving_shows_the_canvas_again(view: ResultsView, shop: Shop) -> None:
    bring_four(shop)
    hover(view, "old:1")
    assert shop.results.peeked == "old:1"
    hover(view, "")
    assert shop.results.peeked == ""
    hover(view, "old:0")
    QtWidgets.QApplication.sendEvent(thumbnails(view), QEvent(QEvent.Type.Leave))
    assert shop.results.peeked == "" and shop.results.pinned == ""


def test_a_click_pins_a_second_one_lets_go_and_a_double_click_makes_a_layer(view: ResultsView, shop: Shop, qtbot: QtBot) -> None:
    bring_four(shop)
    widget = thumbnails(view)
    place = widget.tile("old:1").center()
    qtbot.wait(10)
    where = widget.mapTo(view, place)
    qtbot.mouseClick(widget, Qt.MouseButton.LeftButton, pos=place)
    assert shop.results.pinned == "old:1" and find(view, "wipe_row").isEnabled()
    qtbot.mouseClick(widget, Qt.MouseButton.LeftButton, pos=place)
    assert shop.results.pinned == "" and not find(view, "wipe_row").isEnabled()
    assert widget.mapTo(view, place) == where, "nothing moves under the mouse"
    qtbot.mouseDClick(widget, Qt.MouseButton.LeftButton, pos=place)
    shop.until(lambda: shop.canvas.layers)
    qtbot.mouseDClick(widget, Qt.MouseButton.LeftButton, pos=QPoint(1, 1))
    qtbot.mouseClick(widget, Qt.MouseButton.LeftButton, pos=QPoint(1, 1))
    assert len(shop.canvas.layers) == 1


def test_everything_works_by_keyboard(view: ResultsView, shop: Shop, qtbot: QtBot) -> None:
    bring_four(shop)
    widget = thumbnails(view)
    widget.setFocus(Qt.FocusReason.TabFocusReason)
    QtWidgets.QApplication.sendEvent(widget, QtGui.QFocusEvent(QEvent.Type.FocusIn, Qt.FocusReason.TabFocusReason))
    qtbot.keyClick(widget, Key.Key_Home)
    qtbot.keyClick(widget, Key.Key_Right)
    assert shop.results.peeked == "new:0"
    qtbot.keyClick(widget, Key.Key_Space)
    assert shop.results.pinned == "new:0"
    qtbot.keyClick(widget, Key.Key_Home)
    qtbot.keyClick(widget, Key.Key_S)
    qtbot.keyClick(widget, Key.Key_Right)
    assert shop.results.items[0].starred and widget.cursor_on == "new:0" != shop.results.items[0].id
    qtbot.keyClick(widget, Key.Key_Return)
    shop.until(lambda: shop.canvas.layers)
    qtbot.keyClick(widget, Key.Key_Delete)
    assert shop.ids == ["new:1", "old:1", "old:0"] and widget.cursor_on == "old:1"
    qtbot.keyClick(widget, Key.Key_End)
    qtbot.keyClick(widget, Key.Key_Backspace)
    assert shop.ids == ["new:1", "old:1"] and widget.cursor_on == "old:1"
    qtbot.keyClick(widget, Key.Key_Escape)
    assert shop.results.peeked == "" and shop.canvas.keys_taken == 0
    qtbot.keyClick(widget, Key.Key_Escape)
    assert shop.canvas.keys_taken == 1
    qtbot.keyClick(widget, Key.Key_F5)
    qtbot.keyClick(widget, Key.Key_Home)
    widget.clearFocus()
    QtWidgets.QApplication.sendEvent(widget, QtGui.QFocusEvent(QEvent.Type.FocusOut))
    assert shop.results.peeked == ""


def test_keys_with_nothing_under_the_cursor_do_nothing(view: ResultsView, shop: Shop, qtbot: QtBot) -> None:
    for key in (Key.Key_Return, Key.Key_Delete, Key.Key_S, Key.Key_Space, Key.Key_Right):
        qtbot.keyClick(thumbnails(view), key)
    assert shop.canvas.layers == [] and shop.results.pinned == ""


@pytest.mark.parametrize(
    ("key", "modifiers", "ours"),
    [
        (Key.Key_Delete, Qt.KeyboardModifier.NoModifier, True),
        (Key.Key_Return, Qt.KeyboardModifier.NoModifier, True),
        (Key.Key_Left, Qt.KeyboardModifier.KeypadModifier, True),
        (Key.Key_Z, Qt.KeyboardModifier.ControlModifier, False),
        (Key.Key_B, Qt.KeyboardModifier.NoModifier, False),
    ],
)
def test_only_the_keys_that_mean_something_here_are_kept_from_krita(
    view: ResultsView, key: Qt.Key, modifiers: Qt.KeyboardModifier, ours: bool
) -> None:
    event = QtGui.QKeyEvent(QEvent.Type.ShortcutOverride, key, modifiers)
    event.ignore()
    QtWidgets.QApplication.sendEvent(thumbnails(view), event)
    assert event.isAccepted() is ours


def test_the_buttons_are_about_what_is_pinned(view: ResultsView, shop: Shop, qtbot: QtBot) -> None:
    bring_four(shop)
    shop.results.pin("old:1")
    qtbot.mouseClick(find(view, "result_star"), Qt.MouseButton.LeftButton)
    assert next(item for item in shop.results.items if item.id == "old:1").starred
    qtbot.mouseClick(find(view, "result_apply"), Qt.MouseButton.LeftButton)
    shop.until(lambda: shop.canvas.layers)
    shop.results.pin("old:0")
    qtbot.mouseClick(find(view, "result_discard"), Qt.MouseButton.LeftButton)
    assert "old:0" not in shop.ids and not find(view, "result_verbs").isEnabled()


def test_the_menu_has_everything_that_can_be_done(view: ResultsView, shop: Shop, qtbot: QtBot) -> None:
    bring_four(shop)

    def choose(name: str) -> None:
        menu = view.menu("old:1")
        assert menu is not None
        next(action for action in menu.actions() if action.objectName() == f"result_{name}_action").trigger()

    choose("replace")
    shop.until(lambda: [layer.placement.where for layer in shop.canvas.inserted] == [Where.REPLACE])
    choose("apply")
    choose("seed")
    choose("prompt")
    choose("again")
    assert shop.session.settings.seed == "101" and shop.session.settings.prompt == "a tower"
    assert QtWidgets.QApplication.clipboard().text() == "a tower"
    choose("star")
    choose("discard_group")
    assert shop.ids == ["new:1", "new:0", "old:1"], "a starred one stays"
    choose("discard")
    assert shop.ids == ["new:1", "new:0"] and view.menu("old:1") is None
    view.open_menu("old:1", QPoint(0, 0))


def test_the_context_menu_opens_where_it_is_asked_for(view: ResultsView, shop: Shop, qtbot: QtBot) -> None:
    bring_four(shop)
    widget = thumbnails(view)
    for reason, place in (
        (QtGui.QContextMenuEvent.Reason.Mouse, widget.tile("old:1").center()),
        (QtGui.QContextMenuEvent.Reason.Keyboard, QPoint(0, 0)),
    ):
        QtWidgets.QApplication.sendEvent(widget, QtGui.QContextMenuEvent(reason, place, widget.mapToGlobal(place)))
        (menu,) = [each for each in view.findChildren(QtWidgets.QMenu) if each.isVisible()]
        assert widget.cursor_on == "old:1" and len(menu.actions()) > 8
        menu.close()
        qtbot.waitUntil(lambda: view.findChildren(QtWidgets.QMenu) == [])
    QtWidgets.QApplication.sendEvent(
        widget, QtGui.QContextMenuEvent(QtGui.QContextMenuEvent.Reason.Mouse, QPoint(1, 1), QPoint(1, 1))
    )
    assert view.findChildren(QtWidgets.QMenu) == []


def test_saving_asks_where_without_stopping_anything(view: ResultsView, shop: Shop, qtbot: QtBot, tmp_path: Path) -> None:
    shop.bring(entry(prompt="a castle, by night!"))
    (item,) = shop.results.items
    assert file_name(item) == "a-castle-by-night-1.png"
    view.save(item)
    (dialog,) = view.findChildren(QtWidgets.QFileDialog)
    dialog.fileSelected.emit(str(tmp_path / "x.png"))
    dialog.close()
    shop.until(lambda: (tmp_path / "x.png").is_file())
    shop.settle()
    assert QImage(str(tmp_path / "x.png")).width() == 64


def test_a_prompt_without_letters_still_makes_a_file_name(view: ResultsView, shop: Shop) -> None:
    shop.bring(entry(prompt="…!"))
    assert file_name(shop.results.items[0]) == "picture-1.png"
    shop.bring(entry("q", prompt="灯塔 在风暴中", created_at=2.0))
    assert file_name(shop.results.items[0]) == "灯塔-在风暴中-1.png"


def test_the_slider_wipes_between_before_and_after(view: ResultsView, shop: Shop) -> None:
    shop.bring(entry())
    slider = find(view, "wipe")
    assert isinstance(slider, QtWidgets.QSlider)
    slider.setValue(40)
    assert shop.results.wipe == 0.4
    slider.setValue(100)
    assert shop.results.wipe is None
    shop.results.compare(0.5)
    assert slider.value() == 50


def test_the_picture_is_shown_large_where_nothing_can_lie_over_the_canvas(view: ResultsView, shop: Shop) -> None:
    shop.canvas.overlay.follows = False
    shop.bring(entry())
    shop.until(lambda: find(view, "enlarged").isVisible())
    shop.results.let_go()
    assert not find(view, "enlarged").isVisible()


def test_a_layer_that_is_a_result_offers_again(view: ResultsView, shop: Shop, qtbot: QtBot) -> None:
    assert view.isHidden()
    shop.canvas.layer = ActiveLayer("l2", "x", recipe=Recipe("a whale\nat night", seed=9).text())
    shop.session.refresh_canvas()
    sentence = find(view, "again_sentence")
    assert isinstance(sentence, QtWidgets.QLabel) and sentence.text() == "This layer: “a whale at night”"
    qtbot.mouseClick(find(view, "again"), Qt.MouseButton.LeftButton)
    assert shop.session.settings.prompt == "a whale\nat night" and shop.session.settings.seed == "9"
    shop.canvas.layer = None
    shop.session.refresh_canvas()
    assert view.isHidden()


def test_a_thumbnail_says_what_it_is(view: ResultsView, shop: Shop) -> None:
    shop.bring(entry(), applied=True)
    said = tip(shop.results.items[0])
    assert said.startswith("a castle\nSeed 100\nIt is a layer already.")
    shop.bring(entry("q", created_at=2.0), seed=None)
    assert "Seed" not in tip(shop.results.items[0])
    assert "\nThis picture waits at “Home”. Switch to it to get it.\n" in tip(shop.results.items[0], "Home")


def test_the_tool_tip_is_that_of_the_tile_under_the_mouse(view: ResultsView, shop: Shop) -> None:
    shop.bring(entry())
    widget = thumbnails(view)
    for place in (widget.tile("p:0").center(), QPoint(1, 1)):
        event = QtGui.QHelpEvent(QEvent.Type.ToolTip, place, widget.mapToGlobal(place))
        assert QtWidgets.QApplication.sendEvent(widget, event)


def test_stars_pins_and_layers_can_be_seen(view: ResultsView, shop: Shop) -> None:
    bring_four(shop)
    widget = thumbnails(view)
    plain = widget.grab().toImage()
    shop.results.star("new:1")
    starred = widget.grab().toImage()
    shop.results.pin("new:0")
    pinned = widget.grab().toImage()
    hover(view, "old:0")
    hovered = widget.grab().toImage()
    assert len({bytes(image.constBits().asstring(image.sizeInBytes())) for image in (plain, starred, pinned, hovered)}) == 4


def test_the_narrowest_docker_clips_no_button(view: ResultsView, shop: Shop, qtbot: QtBot) -> None:
    bring_four(shop)
    shop.results.pin("new:0")
    view.window().resize(240, 500)
    qtbot.waitUntil(lambda: view.width() == 240)
    for button in view.findChildren(QtWidgets.QToolButton):
        if button.isVisible():
            assert button.width() >= button.fontMetrics().horizontalAdvance(button.text()), button.text()
    assert view.minimumSizeHint().width() <= 240


def test_the_cursor_is_scrolled_to(view: ResultsView, shop: Shop, qtbot: QtBot) -> None:
    for n in range(60):
        shop.bring(entry(count=60, created_at=0.0), n)
    shop.results.let_go()
    view.window().resize(view.width(), 150)
    area = find(view, "results_scroll")
    assert isinstance(area, QtWidgets.QScrollArea)
    qtbot.waitUntil(lambda: area.verticalScrollBar().maximum() > 0)
    qtbot.keyClick(thumbnails(view), Key.Key_End)
    assert area.verticalScrollBar().value() > 0


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "just now"), (-5, "just now"), (120, "2 min ago"), (7200, "2 h ago"), (5 * 86_400, "5 days ago")],
)
def test_ages_are_told_roughly(seconds: float, said: str) -> None:
    assert ago(seconds) == said

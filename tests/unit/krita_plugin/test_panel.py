"""The docker's contents, driven like an artist drives them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from pytestqt.qtbot import QtBot

from wakebrush.canvas.base import ActiveLayer
from wakebrush.canvas.rect import Rect
from wakebrush.client.catalogue import Licence
from wakebrush.client.model import Style
from wakebrush.qt import QColor, QEvent, QImage, QPalette, Qt, QtGui, QtWidgets, QWidget
from wakebrush.session import Session
from wakebrush.session.state_line import StateLine
from wakebrush.session.words import Notice
from wakebrush.ui.panel import Panel
from wakebrush.ui.prompt_edit import PromptEdit
from wakebrush.ui.scroll import ScrollArea
from wakebrush.ui.style_row import StyleRow, style_tip
from wakebrush.ui.theme import dot_colour

from .fake_canvas import FakeCanvas
from .fake_service import FakeService

NAMES = ("prompt", "negative_prompt", "generate", "cancel", "style", "strength", "seed", "count", "grow", "feather", "padding",
         "progress", "state_line", "error_line", "settings", "preview", "full_view", "practice", "price", "budget")  # fmt: skip


@pytest.fixture
def session(new_session: Callable[..., Session], service: FakeService, qtbot: QtBot) -> Session:
    made = new_session(service)
    qtbot.waitUntil(lambda: made.connected, timeout=5000)
    return made


@pytest.fixture
def panel(session: Session, qtbot: QtBot) -> Iterator[Panel]:
    made = Panel(session)
    qtbot.addWidget(made)
    font = made.font()
    font.setPointSize(9)  # Krita's
    made.setFont(font)
    made.resize(244, 900)
    made.show()
    yield made
    made.hide()


def find(panel: QWidget, name: str, kind: type = QWidget) -> QWidget:
    found = panel.findChild(kind, name)
    assert found is not None, name
    return found


def test_every_widget_can_be_found_by_its_name(panel: Panel) -> None:
    for name in NAMES:
        find(panel, name)


def test_typing_and_ctrl_enter_start_a_picture(panel: Panel, session: Session, service: FakeService, qtbot: QtBot) -> None:
    prompt = find(panel, "prompt", PromptEdit)
    qtbot.keyClicks(prompt, "a lighthouse")
    qtbot.keyClick(prompt, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert session.settings.prompt == "a lighthouse" and session.progress is not None
    qtbot.waitUntil(lambda: len(service.jobs) == 1, timeout=5000)


def test_the_button_shows_bar_and_cancel_and_cancel_takes_them_away(panel: Panel, session: Session, qtbot: QtBot) -> None:
    session.settings.prompt = "x"
    button, bar, cancel = find(panel, "generate"), find(panel, "progress"), find(panel, "cancel")
    assert not bar.isVisible() and not cancel.isVisible()
    place = button.mapTo(panel, button.rect().topLeft())
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert bar.isVisible() and bar.text() == "sending"
    assert button.mapTo(panel, button.rect().topLeft()) == place
    qtbot.mouseClick(cancel, Qt.MouseButton.LeftButton)
    assert not bar.isVisible() and not cancel.isVisible()


def test_the_strength_is_there_only_when_there_is_something_to_keep(
    panel: Panel, session: Session, canvas: FakeCanvas, qtbot: QtBot
) -> None:
    strength = find(panel, "strength", QtWidgets.QSlider)
    assert not strength.isVisible()
    canvas.empty, canvas.selection = False, Rect(0, 0, 64, 64)
    qtbot.waitUntil(strength.isVisible)
    assert find(panel, "generate").text() == "Refine the selection"
    strength.setValue(100)
    assert find(panel, "generate").text() == "Fill the selection"


def test_the_practice_engine_is_named_for_what_it_is(panel: Panel) -> None:
    assert find(panel, "practice").isVisible() and find(panel, "practice").text() == "Practice mode: sketches, no AI."


def test_the_practice_engines_style_has_no_licence_to_be_unknown_and_a_real_model_has(panel: Panel, session: Session) -> None:
    gouache = session.styles[0]
    row = panel.findChild(StyleRow)
    assert row is not None
    unknown = replace(gouache, licence=Licence())
    for practice, said in ((True, ""), (False, "commercial use: not known")):
        row.show_styles((unknown,), unknown, practice=practice)
        assert find(panel, "licence").text() == said
        assert ("not known" in find(panel, "style").toolTip()) is bool(said)
    row.show_styles((gouache,), gouache, practice=True)
    assert find(panel, "licence").text() == "commercial use: ask · openrail"
    session.writing.book.offer((unknown,))
    assert session.practice and find(panel, "licence").text() == ""


def test_a_group_is_offered_to_read_from_only_where_there_is_one(panel: Panel, session: Session, canvas: FakeCanvas) -> None:
    reads = find(panel, "read_from", QtWidgets.QComboBox)
    index = reads.findData("group")
    assert not reads.model().item(index).isEnabled()
    assert "in no group" in reads.itemData(index, Qt.ItemDataRole.ToolTipRole)
    canvas.layer = ActiveLayer("l2", "ink", in_group=True)
    session.refresh_canvas()
    assert reads.model().item(index).isEnabled() and not reads.itemData(index, Qt.ItemDataRole.ToolTipRole)
    canvas.layer = None
    session.refresh_canvas()
    assert not reads.model().item(index).isEnabled()


def test_the_full_view_opens_and_its_fields_reach_the_settings(panel: Panel, session: Session, qtbot: QtBot) -> None:
    assert not find(panel, "seed").isVisible()
    qtbot.mouseClick(find(panel, "full_view"), Qt.MouseButton.LeftButton)
    assert find(panel, "seed").isVisible()
    qtbot.keyClicks(find(panel, "seed"), "42")
    find(panel, "count", QtWidgets.QSpinBox).setValue(3)
    find(panel, "feather", QtWidgets.QSpinBox).setValue(7)
    qtbot.keyClicks(find(panel, "negative_prompt"), "people")
    settings = session.settings
    assert (settings.seed, settings.count, settings.feather, settings.negative_prompt) == ("42", 3, 7, "people")


def test_choosing_a_style_takes_over_its_strength_and_a_missing_model_is_told(panel: Panel, session: Session) -> None:
    style = find(panel, "style", QtWidgets.QComboBox)
    assert [style.itemText(n) for n in range(style.count())] == ["Gouache", "Ink"]
    assert not style.model().item(1).isEnabled() and "ink.safetensors" in style.itemData(1, Qt.ItemDataRole.ToolTipRole)
    session.settings.strength = 20
    style.setCurrentIndex(1)
    style.activated.emit(1)
    assert (session.settings.style, session.settings.strength) == ("flux-ink", 60)


def test_why_a_team_does_not_paint_with_a_style_is_told() -> None:
    barred = Style.parse({"name": "ink", "available": False, "barred": "Your team does not paint with x."})
    assert style_tip(barred) == "Your team does not paint with x."
    assert "lacks" in style_tip(Style.parse({"name": "ink", "available": False}))


def test_an_error_says_what_to_do_and_goes_when_it_is_closed(panel: Panel, session: Session, qtbot: QtBot) -> None:
    line = find(panel, "error_line")
    assert not line.isVisible()
    session.notice = Notice("This computer is no longer paired.", "Enter a new token in the settings.", "settings")
    assert line.isVisible() and line.text() == "This computer is no longer paired. Enter a new token in the settings."
    assert find(panel, "error_settings").isVisible()
    qtbot.mouseClick(find(panel, "error_close"), Qt.MouseButton.LeftButton)
    assert not line.isVisible()


def test_an_error_stands_right_below_the_button_while_there_is_no_bar(panel: Panel, session: Session, qtbot: QtBot) -> None:
    price, button, error, bar = (find(panel, name) for name in ("price", "generate", "error_line", "progress"))
    session.desk.price = ""
    session.notice = Notice("This computer is no longer paired.")
    qtbot.waitUntil(lambda: 0 <= error.geometry().top() - button.geometry().bottom() <= 8)
    session.progress = 0.1
    assert not price.isVisible() and bar.isVisible()
    qtbot.waitUntil(lambda: error.geometry().top() > bar.geometry().bottom() > button.geometry().bottom())


def test_a_preview_takes_the_room_there_is_and_narrows_nothing(panel: Panel, session: Session, qtbot: QtBot) -> None:
    area = ScrollArea(panel)
    qtbot.addWidget(area)
    preview, prompt, image = find(panel, "preview"), find(panel, "prompt"), QImage(64, 64, QImage.Format.Format_RGB32)
    area.resize(300, 900)
    area.show()
    qtbot.waitUntil(lambda: panel.height() == 900)
    needed, width = panel.heightForWidth(panel.width()), prompt.width()
    area.resize(300, needed + 100)
    session.preview = image
    qtbot.waitUntil(lambda: 80 <= preview.height() <= 100)
    assert area.verticalScrollBar().maximum() == 0 and prompt.width() == width
    area.resize(300, 900)
    qtbot.waitUntil(lambda: preview.height() == 160)
    area.resize(300, needed)
    qtbot.waitUntil(lambda: area.verticalScrollBar().maximum() > 0)
    assert prompt.width() == width
    area.takeWidget()


def test_an_offer_can_be_taken_or_left(panel: Panel, session: Session) -> None:
    session.results.offer = "While Krita was closed, 2 pictures were finished for this document. Show them?"
    assert find(panel, "offer").isVisible() and find(panel, "offer_show").isVisible() and find(panel, "offer_discard").isVisible()
    session.results.offer = ""
    assert not find(panel, "offer").isVisible()


@pytest.mark.parametrize(
    ("key", "modifiers"),
    [
        (Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier),
        (Qt.Key.Key_Backspace, Qt.KeyboardModifier.ControlModifier),
        (Qt.Key.Key_Y, Qt.KeyboardModifier.ControlModifier),
        (Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier),
        (Qt.Key.Key_G, Qt.KeyboardModifier.ControlModifier),
        (Qt.Key.Key_B, Qt.KeyboardModifier.NoModifier),
    ],
)
def test_keys_of_the_text_stay_in_the_text(panel: Panel, key: Qt.Key, modifiers: Qt.KeyboardModifier) -> None:
    event = QtGui.QKeyEvent(QEvent.Type.ShortcutOverride, key, modifiers)
    event.ignore()
    find(panel, "prompt", PromptEdit).event(event)
    assert event.isAccepted()


@pytest.mark.parametrize("key", [Qt.Key.Key_S, Qt.Key.Key_O])
def test_saving_and_opening_stay_with_krita(panel: Panel, key: Qt.Key) -> None:
    event = QtGui.QKeyEvent(QEvent.Type.ShortcutOverride, key, Qt.KeyboardModifier.ControlModifier)
    event.ignore()
    find(panel, "prompt", PromptEdit).event(event)
    assert not event.isAccepted()


def test_the_prompt_grows_with_its_text_up_to_a_limit(panel: Panel, qtbot: QtBot) -> None:
    prompt = find(panel, "prompt", PromptEdit)
    small = prompt.height()
    prompt.setPlainText("word " * 40)
    qtbot.waitUntil(lambda: prompt.height() > small)
    prompt.setPlainText("word " * 400)
    highest = prompt.height()
    prompt.setPlainText("word " * 4000)
    assert prompt.height() == highest < 250


@pytest.mark.parametrize("full_view", [False, True])
def test_a_docker_260_pixels_wide_is_enough_for_every_text(
    panel: Panel, session: Session, canvas: FakeCanvas, qtbot: QtBot, full_view: bool
) -> None:
    canvas.empty = False
    session.settings.full_view = full_view
    session.results.offer = "While Krita was closed, 2 pictures were finished for this document. Show them?"
    session.notice = Notice(
        "The team's budget for November ($200) is used up.", "Ask your admin, or wait until 1 December.", "settings"
    )
    session.state_line = StateLine("waking", "Waking takes longer than usual (1:50). Your picture is safe in the queue.")
    qtbot.waitUntil(lambda: clipped(panel) == [])
    assert panel.minimumSizeHint().width() <= 260 - SCROLL_BAR_AND_FRAME


#: What a docker of Krita's puts beside the panel, in pixels: 14 and 2.
SCROLL_BAR_AND_FRAME = 16


def clipped(panel: QWidget) -> list[str]:
    """The texts that don't fit their place."""
    found = []
    for label in panel.findChildren(QtWidgets.QLabel):
        if label.isVisible() and label.text():
            needed = label.heightForWidth(label.width()) if label.wordWrap() else label.sizeHint().height()
            if label.height() < needed - 1 or (not label.wordWrap() and label.width() < label.sizeHint().width() - 1):
                found.append(label.text())
    buttons = [button for button in panel.findChildren(QtWidgets.QPushButton) if button.isVisible()]
    return found + [each.text() for each in buttons if each.width() < each.fontMetrics().horizontalAdvance(each.text())]


@pytest.mark.parametrize("window", ["#474747", "#dadada"])
def test_the_dots_stand_out_in_dark_and_light_themes(panel: Panel, window: str) -> None:
    palette = QPalette()
    palette.setColor(QPalette.ColorRole.Window, QColor(window))
    panel.setPalette(palette)
    for dot in ("off", "asleep", "waking", "ready", "busy", "trouble"):
        light, dark = sorted((luminance(dot_colour(dot, panel)), luminance(QColor(window))), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 2.4, dot


def luminance(colour: QColor) -> float:
    """WCAG's relative luminance, 0 to 1."""
    parts = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in colour.getRgbF()[:3]]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def test_a_layer_can_be_kept_from_the_model(session: Session, panel: Panel, canvas: FakeCanvas) -> None:
    box = find(panel, "unseen", QtWidgets.QCheckBox)
    canvas.layer = ActiveLayer("1", "notes")
    session.refresh_canvas()
    assert (box.isEnabled(), box.isChecked()) == (True, False)
    box.click()
    assert canvas.unseen() == ("1",)
    canvas.layer = None
    session.refresh_canvas()
    assert (box.isEnabled(), box.isChecked()) == (False, False)

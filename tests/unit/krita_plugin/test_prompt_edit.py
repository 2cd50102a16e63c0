"""The prompt under her hands: keys, weights, and words that are offered."""

from __future__ import annotations

import pytest
from pytestqt.qtbot import QtBot

from wakebrush.qt import QApplication, QEvent, QRect, Qt, QtGui, QtWidgets
from wakebrush.session.prompt_hand import Piece
from wakebrush.session.suggestions import Suggestion, suggest
from wakebrush.session.tags import Tag, TagIndex
from wakebrush.ui.completion import Completion, to_characters, to_units
from wakebrush.ui.prompt_edit import PromptEdit

INDEX = TagIndex(
    [
        Tag("watercolor", aliases=("水彩", "watercolour")),
        Tag("water lily", count=1200),
        Tag("waterfall", count=3_400_000),
        Tag("sword_(weapon)"),
    ]
)
LORAS = ("inks/Sumi.safetensors", "sumi-e.pt", "brush.safetensors")
CONTROL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
Key = Qt.Key


@pytest.fixture
def edit(qtbot: QtBot) -> PromptEdit:
    made = PromptEdit("prompt", "What do you want to see?")
    qtbot.addWidget(made)
    made.resize(260, 60)
    made.show()
    made.setFocus()
    qtbot.waitUntil(made.hasFocus)
    return made


@pytest.fixture
def words(edit: PromptEdit) -> Completion:
    return edit.offer_words(lambda piece: suggest(piece, INDEX, LORAS))


def texts(completion: Completion) -> list[str]:
    return [suggestion.text for suggestion in completion.offered]


def place(edit: PromptEdit, start: int, end: int | None = None) -> None:
    cursor = edit.textCursor()
    cursor.setPosition(start)
    cursor.setPosition(start if end is None else end, QtGui.QTextCursor.MoveMode.KeepAnchor)
    edit.setTextCursor(cursor)


def test_a_word_gets_heavier_and_one_undo_takes_that_back(edit: PromptEdit, qtbot: QtBot) -> None:
    edit.setPlainText("🌊🌊 a foggy harbour")
    place(edit, 9)
    qtbot.keyClick(edit, Key.Key_Up, CONTROL)
    qtbot.keyClick(edit, Key.Key_Up, CONTROL)
    assert edit.toPlainText() == "🌊🌊 a (foggy:1.2) harbour" and edit.textCursor().selectedText() == "foggy"
    edit.undo()
    assert edit.toPlainText() == "🌊🌊 a (foggy:1.1) harbour"
    place(edit, 10)
    qtbot.keyClick(edit, Key.Key_Down, CONTROL)
    assert edit.toPlainText() == "🌊🌊 a foggy harbour"
    place(edit, 0)
    edit.clear()
    qtbot.keyClick(edit, Key.Key_Down, CONTROL)
    assert edit.toPlainText() == ""


def test_words_are_offered_while_she_types_and_tab_takes_the_first(edit: PromptEdit, words: Completion, qtbot: QtBot) -> None:
    qtbot.keyClicks(edit, "a sea in wat")
    assert texts(words) == ["waterfall", "water lily", "watercolor"] and edit.hasFocus()
    assert [suggestion.hint for suggestion in words.offered] == ["3.4M", "1k", "水彩"]
    qtbot.keyClick(edit, Key.Key_Tab)
    assert edit.toPlainText() == "a sea in waterfall" and not words.visible and edit.hasFocus()


def test_tab_leaves_the_field_and_enter_breaks_the_line_when_no_word_was_chosen(
    edit: PromptEdit, words: Completion, qtbot: QtBot
) -> None:
    qtbot.keyClicks(edit, "wat")
    qtbot.keyClick(edit, Key.Key_Return)
    assert edit.toPlainText() == "wat\n" and not words.visible
    event = QtGui.QKeyEvent(QEvent.Type.KeyPress, Key.Key_Tab, Qt.KeyboardModifier.NoModifier)
    QApplication.sendEvent(edit, event)
    assert edit.toPlainText() == "wat\n"


def test_arrows_choose_a_word_and_enter_takes_it(edit: PromptEdit, words: Completion, qtbot: QtBot) -> None:
    qtbot.keyClicks(edit, "wat")
    for key in (Key.Key_Down, Key.Key_Down, Key.Key_Down, Key.Key_Up):
        qtbot.keyClick(edit, key)
    qtbot.keyClick(edit, Key.Key_Return)
    assert edit.toPlainText() == "watercolor"


def test_esc_closes_the_list_and_nothing_else(edit: PromptEdit, words: Completion, qtbot: QtBot) -> None:
    qtbot.keyClicks(edit, "wat")
    event = QtGui.QKeyEvent(QEvent.Type.ShortcutOverride, Key.Key_Escape, Qt.KeyboardModifier.NoModifier)
    event.ignore()
    edit.event(event)
    assert event.isAccepted()
    pressed = QtGui.QKeyEvent(QEvent.Type.KeyPress, Key.Key_Escape, Qt.KeyboardModifier.NoModifier)
    edit.event(pressed)
    assert pressed.isAccepted() and not words.visible
    edit.keyPressEvent(pressed)
    assert not pressed.isAccepted()


def test_a_word_can_be_taken_with_the_mouse_and_keeps_the_keys_in_the_text(
    edit: PromptEdit, words: Completion, qtbot: QtBot
) -> None:
    qtbot.keyClicks(edit, "sw")
    shown = edit.findChild(QtWidgets.QListWidget, "prompt_words")
    assert shown is not None and shown.focusPolicy() == Qt.FocusPolicy.NoFocus
    qtbot.mouseClick(shown.viewport(), Qt.MouseButton.LeftButton, pos=shown.visualItemRect(shown.item(0)).center())
    assert edit.toPlainText() == "sword \\(weapon\\)" and edit.hasFocus()


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("w", []),
        ("水", ["watercolor"]),
        ("waterfall", []),
        ("dry ", []),
        ("# wat", []),
        ("a wat, ", []),
        ("the water li", ["water lily"]),
    ],
)
def test_only_what_helps_is_offered(edit: PromptEdit, words: Completion, qtbot: QtBot, typed: str, offered: list[str]) -> None:
    edit.insertPlainText(typed[:-1])
    event = QtGui.QInputMethodEvent()
    event.setCommitString(typed[-1])
    QApplication.sendEvent(edit, event)
    assert texts(words) == offered


def test_the_list_goes_with_the_cursor_the_focus_and_a_longer_way(edit: PromptEdit, words: Completion, qtbot: QtBot) -> None:
    qtbot.keyClicks(edit, "wat")
    qtbot.keyClick(edit, Key.Key_Left)
    assert not words.visible
    qtbot.keyClick(edit, Key.Key_End)
    qtbot.keyClicks(edit, "e")
    assert words.visible
    edit.clearFocus()
    assert not words.visible
    edit.setFocus()
    qtbot.keyClicks(edit, "r")
    assert words.visible
    edit.move(3, 3)
    assert not words.visible


def test_loras_are_offered_by_the_services_names(edit: PromptEdit, words: Completion, qtbot: QtBot) -> None:
    edit.insertPlainText("🌊 fox ")
    qtbot.keyClicks(edit, "<lora:")
    assert texts(words) == ["brush:1>", "Sumi:1>", "sumi-e:1>"]
    qtbot.keyClicks(edit, "sum")
    assert texts(words) == ["Sumi:1>", "sumi-e:1>"]
    qtbot.keyClick(edit, Key.Key_Tab)
    assert edit.toPlainText() == "🌊 fox <lora:Sumi:1>"


def test_loras_with_names_that_cannot_be_written_go_by_their_file() -> None:
    (found,) = suggest(Piece(0, "", lora=True), INDEX, ["odd:name"])
    assert found == Suggestion(0, "odd:name:1>", "odd:name", "odd:name")
    assert suggest(None, INDEX, ()) == []


def test_the_list_stays_on_the_screen(edit: PromptEdit, words: Completion, qtbot: QtBot) -> None:
    screen = QApplication.primaryScreen().availableGeometry()
    edit.move(screen.right() - 200, screen.bottom() - 60)
    qtbot.keyClicks(edit, "wat")
    shown = edit.findChild(QtWidgets.QListWidget, "prompt_words")
    assert shown is not None and screen.contains(QRect(shown.pos(), shown.size()))


@pytest.mark.parametrize(
    ("key", "modifiers"), [(Key.Key_Return, CONTROL), (Key.Key_Return, SHIFT), (Key.Key_Escape, Qt.KeyboardModifier.NoModifier)]
)
def test_keys_for_the_whole_docker_are_passed_on(
    edit: PromptEdit, words: Completion, qtbot: QtBot, key: Qt.Key, modifiers: Qt.KeyboardModifier
) -> None:
    edit.setPlainText("a fox")
    event = QtGui.QKeyEvent(QEvent.Type.KeyPress, key, modifiers)
    edit.keyPressEvent(event)
    assert not event.isAccepted() and edit.toPlainText() == "a fox"


def test_comments_fade_and_weights_stand_out(edit: PromptEdit) -> None:
    edit.setPlainText("🌊 (fog:1.2) # later")
    formats = edit.document().firstBlock().layout().formats()
    coloured = {}
    for each in formats:
        coloured[edit.toPlainText().encode("utf-16-le")[2 * each.start : 2 * (each.start + each.length)].decode("utf-16-le")] = (
            each.format.foreground().color().name()
        )
    assert set(coloured) == {"(", ":1.2)", "# later"} or set(coloured) == {"(", ":1.2", ")", "# later"}
    assert coloured["# later"] != coloured["("]


@pytest.mark.parametrize("text", ["", "abc", "🌊灯🌊", "a🌊"])
def test_places_are_counted_as_qt_and_as_python_count(text: str) -> None:
    for place_ in range(len(text) + 1):
        assert to_characters(text, to_units(text, place_)) == place_

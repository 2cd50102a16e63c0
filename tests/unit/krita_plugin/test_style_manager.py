"""The styles' window, used as an artist uses it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from wakebrush.client.catalogue import Models
from wakebrush.client.model import Lora, Style
from wakebrush.client.store import MemoryStore
from wakebrush.qt import QtWidgets, QWidget
from wakebrush.session.lanes import Bridge, Lanes
from wakebrush.session.settings import PaintSettings
from wakebrush.session.styles import OwnStyle
from wakebrush.session.words import Notice
from wakebrush.session.writing import Writing
from wakebrush.ui.style_manager import StyleManager
from wakebrush.ui.style_row import StyleRow

from .fake_service import MODELS, STYLES

GOUACHE, INK = (Style.parse(each) for each in STYLES)


class LinkWithoutService:
    """Lanes, and nobody to ask."""

    service = None

    def __init__(self) -> None:
        self.lanes = Lanes(Bridge(), kept=("disk",))


@pytest.fixture
def told() -> list[Notice]:
    return []


@pytest.fixture
def writing(qapp: object, tmp_path: Path, told: list[Notice]) -> Iterator[Writing]:
    link, store = LinkWithoutService(), MemoryStore()
    made = Writing(link, PaintSettings(store), store, tmp_path / "krita")  # type: ignore[arg-type]
    made.told.connect(told.append)
    made.book.offer((GOUACHE, INK))
    made.book.know(Models.parse(MODELS))
    yield made
    assert link.lanes.close(3.0)


@pytest.fixture
def manager(writing: Writing, qtbot: QtBot) -> StyleManager:
    made = StyleManager(writing)
    qtbot.addWidget(made)
    made.open_at("practice-gouache")
    return made


def find(parent: QWidget, name: str, kind: type = QWidget) -> QWidget:
    found = parent.findChild(kind, name)
    assert found is not None, name
    return found


def press(manager: StyleManager, name: str) -> None:
    find(manager, name, QtWidgets.QPushButton).click()


def titles(manager: StyleManager) -> list[str]:
    styles = find(manager, "styles", QtWidgets.QListWidget)
    return [styles.item(row).text() for row in range(styles.count())]


def choose(manager: StyleManager, title: str) -> None:
    find(manager, "styles", QtWidgets.QListWidget).setCurrentRow(titles(manager).index(title))


def test_a_services_style_is_shown_with_all_it_is_made_of_and_cannot_be_changed(manager: StyleManager) -> None:
    assert titles(manager) == ["Gouache", "Ink (missing)"]
    assert not find(manager, "style_title").isEnabled() and not find(manager, "style_save").isEnabled()
    assert find(manager, "style_checkpoint", QtWidgets.QComboBox).currentText() == "as its basis: practice-sd15.safetensors"
    assert find(manager, "style_sampler", QtWidgets.QComboBox).currentText() == "as its basis: dpmpp_2m"
    assert find(manager, "style_steps", QtWidgets.QDoubleSpinBox).text() == "as its basis: 12"
    assert find(manager, "style_licence", QtWidgets.QLabel).text() == "commercial use: ask · openrail"
    assert find(manager, "style_missing", QtWidgets.QLabel).text() == "nothing"
    choose(manager, "Ink (missing)")
    assert find(manager, "style_missing", QtWidgets.QLabel).text() == "ink.safetensors"


def test_a_style_of_her_own_is_made_from_one_of_the_services_changed_and_kept(manager: StyleManager, writing: Writing) -> None:
    press(manager, "style_new")
    assert titles(manager)[-1] == "My Gouache" and find(manager, "style_title").isEnabled()
    find(manager, "style_title", QtWidgets.QLineEdit).setText("Soft")
    sampler = find(manager, "style_sampler", QtWidgets.QComboBox)
    sampler.setCurrentIndex(sampler.findData("euler"))
    find(manager, "style_steps", QtWidgets.QDoubleSpinBox).setValue(30)
    find(manager, "style_cfg", QtWidgets.QDoubleSpinBox).setValue(4.5)
    find(manager, "style_width", QtWidgets.QDoubleSpinBox).setValue(771)
    find(manager, "style_strength", QtWidgets.QDoubleSpinBox).setValue(40)
    find(manager, "style_template", QtWidgets.QLineEdit).setText("{prompt}, soft")
    find(manager, "style_negative", QtWidgets.QLineEdit).setText("hard edges")
    find(manager, "style_language", QtWidgets.QComboBox).setCurrentIndex(1)
    find(manager, "own_loras", QtWidgets.QCheckBox).setChecked(True)
    press(manager, "add_lora")
    press(manager, "style_save")
    assert writing.book.own == (
        OwnStyle(
            "own:Soft",
            "Soft",
            "practice-gouache",
            {"sampler": "euler", "prompt_template": "{prompt}, soft", "negative_prompt": "hard edges", "steps": 30, "cfg": 4.5},
            (Lora("practice-gouache.safetensors"), Lora("practice-gouache.safetensors")),
            width=768,
            height=0,
            language="",
            default_strength=0.4,
        ),
    )
    choose(manager, "Gouache")
    choose(manager, "Soft")
    assert find(manager, "style_steps", QtWidgets.QDoubleSpinBox).value() == 30
    assert find(manager, "loras", QtWidgets.QTableWidget).rowCount() == 2
    find(manager, "loras", QtWidgets.QTableWidget).selectRow(0)
    press(manager, "remove_lora")
    press(manager, "style_save")
    assert writing.book.own[0].loras == (Lora("practice-gouache.safetensors"),)


def test_a_renamed_style_stays_chosen_and_a_taken_title_gets_a_number(manager: StyleManager, writing: Writing) -> None:
    press(manager, "style_new")
    writing.choose("own:My Gouache")
    find(manager, "style_title", QtWidgets.QLineEdit).setText("Soft")
    press(manager, "style_save")
    assert writing._settings.style == "own:Soft" and titles(manager)[-1] == "Soft"
    press(manager, "style_new")
    assert titles(manager)[-2:] == ["Soft", "Soft 2"]
    find(manager, "style_title", QtWidgets.QLineEdit).setText("Soft")
    press(manager, "style_save")
    assert [own.title for own in writing.book.own] == ["Soft", "Soft 2"]


def test_what_is_missing_stays_named_and_can_be_removed(manager: StyleManager, writing: Writing) -> None:
    writing.book.keep(OwnStyle("own:Old", "Old", "practice-gouache", {"checkpoint": "gone.safetensors"}))
    writing.book.keep(OwnStyle("own:Lost", "Lost", "no-such-style"))
    assert titles(manager)[-2:] == ["Old (missing)", "Lost (missing)"]
    choose(manager, "Old (missing)")
    assert find(manager, "style_checkpoint", QtWidgets.QComboBox).currentText() == "gone.safetensors (missing)"
    assert find(manager, "style_missing", QtWidgets.QLabel).text() == "gone.safetensors"
    choose(manager, "Lost (missing)")
    assert not find(manager, "style_title").isVisible() and not find(manager, "style_new").isEnabled()
    press(manager, "style_remove")
    assert [own.title for own in writing.book.own] == ["Old"]


def test_styles_go_to_a_file_and_come_back(writing: Writing, told: list[Notice], tmp_path: Path, qtbot: QtBot) -> None:
    path = tmp_path / "mine.json"
    writing.book.keep(OwnStyle("own:二", "二", "practice-gouache", {"steps": 9}))
    own = writing.book.own
    writing.export_styles(path, own)
    qtbot.waitUntil(path.is_file, timeout=5000)
    qtbot.waitUntil(lambda: json.loads(path.read_text(encoding="utf-8") or "{}") != {}, timeout=5000)
    writing.book.forget("own:二")
    with qtbot.waitSignal(writing.book.changed, timeout=5000):
        writing.import_styles(path)
    assert writing.book.own == own and told == []


@pytest.mark.parametrize(
    ("content", "sentence"), [(b"{}", "holds no styles"), (b"\xff", "holds no styles"), (None, "No such file")]
)
def test_a_file_that_cannot_be_used_is_told(
    writing: Writing, told: list[Notice], tmp_path: Path, qtbot: QtBot, content: bytes | None, sentence: str
) -> None:
    path = tmp_path / "mine.json"
    if content is not None:
        path.write_bytes(content)
    writing.import_styles(path)
    qtbot.waitUntil(lambda: len(told) == 1, timeout=5000)
    assert sentence in told[0].title and "mine.json" in told[0].title


def test_the_windows_for_files_open_beside_it(manager: StyleManager, writing: Writing, qtbot: QtBot) -> None:
    writing.book.keep(OwnStyle("own:x", "x", "practice-gouache"))
    for button in ("style_import", "style_export", "words_add"):
        press(manager, button)
        (dialog,) = [each for each in manager.findChildren(QtWidgets.QFileDialog) if each.isVisible()]
        dialog.reject()
        qtbot.waitUntil(lambda: not [each for each in manager.findChildren(QtWidgets.QFileDialog) if each.isVisible()])


def test_lists_of_words_are_added_and_taken_away(manager: StyleManager, writing: Writing, tmp_path: Path, qtbot: QtBot) -> None:
    path = tmp_path / "tags.csv"
    path.write_text("zebra,0,5,\n", encoding="utf-8")
    lists = find(manager, "word_lists", QtWidgets.QListWidget)
    with qtbot.waitSignal(writing.tags.changed, timeout=5000):
        writing.add_words(path)
    assert [lists.item(row).text() for row in range(lists.count())] == ["tags.csv"]
    assert "words are offered" in find(manager, "word_count", QtWidgets.QLabel).text()
    lists.setCurrentRow(0)
    with qtbot.waitSignal(writing.tags.changed, timeout=5000):
        press(manager, "words_remove")
    assert lists.count() == 0
    find(manager, "offer_words", QtWidgets.QCheckBox).setChecked(False)
    assert not writing.offers_words


def test_the_style_says_its_licence_and_is_chosen_by_name(qtbot: QtBot) -> None:
    row = StyleRow()
    qtbot.addWidget(row)
    row.show()
    row.show_styles((GOUACHE, INK), GOUACHE)
    assert find(row, "licence", QtWidgets.QLabel).text() == "commercial use: ask · openrail"
    with qtbot.waitSignal(row.chosen) as chosen:
        find(row, "style", QtWidgets.QComboBox).activated.emit(1)
    assert chosen.args == ["flux-ink"]
    row.show_styles((GOUACHE, INK), None)
    assert not find(row, "licence").isVisible()
    with qtbot.waitSignal(row.managed):
        find(row, "manage_styles", QtWidgets.QToolButton).click()

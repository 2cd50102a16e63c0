"""The button with its tasks, and the settings of a region."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from wakebrush.canvas.plan import Task
from wakebrush.qt import QEvent, QPoint, Qt, QtGui, QtWidgets
from wakebrush.session.modes import Facts
from wakebrush.session.region_settings import RegionSettings
from wakebrush.ui.mode_menu import ModeButton
from wakebrush.ui.region_settings import MarginsRow, RegionBox

LIMITED = {"task", "context", "fill", "read_from", "where"}


@pytest.fixture
def session() -> Any:
    return SimpleNamespace(settings=RegionSettings(), facts=Facts(), describe=lambda: "Generate 512 × 512")


@pytest.fixture
def button(qtbot: QtBot, session: Any) -> ModeButton:
    made = ModeButton(session)
    qtbot.addWidget(made)
    return made


def action(button: ModeButton, name: str) -> Any:
    return next(each for each in button.menu().actions() if each.objectName() == name)


def test_a_click_paints(qtbot: QtBot, button: ModeButton) -> None:
    with qtbot.waitSignal(button.pressed_to_paint):
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton, pos=QPoint(8, 8))


def test_the_menu_offers_what_has_something_to_work_on(button: ModeButton, session: Any) -> None:
    button.menu().aboutToShow.emit()
    assert not action(button, "task_fill").isEnabled() and action(button, "task_expand").isEnabled()
    session.facts = Facts(selected=True, masked=True)
    button.menu().aboutToShow.emit()
    assert all(action(button, f"task_{task.value}").isEnabled() for task in Task)
    assert action(button, "task_usual").isEnabled()


def test_choosing_a_task_sets_it_and_paints_nothing(qtbot: QtBot, button: ModeButton, session: Any) -> None:
    with qtbot.assertNotEmitted(button.pressed_to_paint):
        action(button, "task_custom").trigger()
    assert session.settings.task == "custom"
    assert action(button, "task_custom").isChecked() and not action(button, "task_usual").isChecked()
    action(button, "task_usual").trigger()
    assert session.settings.task == ""


def test_every_task_says_what_it_is_for(button: ModeButton) -> None:
    entries = [each for each in button.menu().actions() if not each.isSeparator()]
    assert len(entries) == len(Task) + 1
    assert all(each.toolTip() and each.toolTip() != each.text() for each in entries)


def test_the_tool_tip_is_the_plan_of_now(button: ModeButton, session: Any) -> None:
    session.describe = lambda: "Fill 100 × 80 at (3, 4)"
    event = QtGui.QHelpEvent(QEvent.Type.ToolTip, QPoint(5, 5), QPoint(5, 5))
    QtWidgets.QApplication.sendEvent(button, event)
    assert button.toolTip().startswith("Fill 100 × 80 at (3, 4)\n")


def test_a_button_that_can_do_nothing_plans_nothing(button: ModeButton, session: Any) -> None:
    session.describe = lambda: pytest.fail("the canvas was asked")
    button.setEnabled(False)
    QtWidgets.QApplication.sendEvent(button, QtGui.QHelpEvent(QEvent.Type.ToolTip, QPoint(5, 5), QPoint(5, 5)))


@pytest.fixture
def box(qtbot: QtBot, session: Any) -> RegionBox:
    made = RegionBox(session.settings)
    qtbot.addWidget(made)
    made.show()
    return made


def fields(widget: QtWidgets.QWidget) -> dict[str, Any]:
    kinds = QtWidgets.QSpinBox, QtWidgets.QDoubleSpinBox, QtWidgets.QComboBox, QtWidgets.QCheckBox
    found = [each for kind in kinds for each in widget.findChildren(kind)]
    return {each.objectName(): each for each in found if each.objectName() in RegionSettings.properties()}


def test_every_setting_of_a_region_has_its_field(box: RegionBox, session: Any) -> None:
    row = MarginsRow(session.settings)
    assert {*fields(box), *fields(row)} == set(RegionSettings.properties()) - {"task", "strength"}


def test_a_field_that_is_changed_changes_the_setting(box: RegionBox, session: Any) -> None:
    for name, field in fields(box).items():
        before = getattr(session.settings, name)
        if isinstance(field, QtWidgets.QCheckBox):
            field.toggle()
        elif isinstance(field, QtWidgets.QComboBox):
            field.setCurrentIndex(1)
            field.activated.emit(1)
        else:
            field.setValue(field.value() + field.singleStep())
        assert getattr(session.settings, name) != before, name


def test_a_setting_that_changes_is_shown(box: RegionBox, session: Any) -> None:
    settings = session.settings
    settings.feather, settings.megapixels, settings.context, settings.as_mask = 17, 2.5, "image", True
    shown = fields(box)
    assert shown["feather"].value() == 17 and shown["megapixels"].value() == 2.5
    assert shown["context"].currentData() == "image" and shown["as_mask"].isChecked()


def test_context_and_fill_are_there_for_the_custom_task_only(box: RegionBox, session: Any) -> None:
    assert not fields(box)["context"].isVisible() and not fields(box)["fill"].isVisible()
    session.settings.task = "custom"
    assert fields(box)["context"].isVisible() and fields(box)["fill"].isVisible()
    assert fields(box)["feather"].isVisible()


def test_the_margins_are_there_while_the_canvas_is_to_grow(qtbot: QtBot, session: Any) -> None:
    row = MarginsRow(session.settings)
    qtbot.addWidget(row)
    assert row.isHidden()
    session.settings.task = "expand"
    assert not row.isHidden()
    fields(row)["margin_right"].setValue(256)
    session.settings.margin_top = 64
    assert session.settings.margins == (0, 64, 256, 0)
    assert fields(row)["margin_top"].value() == 64


def test_everything_can_be_understood_by_its_tool_tip_and_fits_a_narrow_docker(box: RegionBox) -> None:
    assert all(field.toolTip() for field in fields(box).values())
    assert box.minimumSizeHint().width() <= 252

"""The full view: what most pictures don't need."""

from __future__ import annotations

from typing import Any

from ..i18n import tr
from ..qt import QtWidgets, QWidget
from ..session.settings import PaintSettings
from .prompt_edit import PromptEdit

#: Of one press: more than one job makes, less than anybody pays for by mistake.
MOST_PICTURES = 40


class AdvancedSettings(QWidget):
    """Negative prompt, seed and count; bound to the settings."""

    def __init__(self, settings: PaintSettings) -> None:
        super().__init__()
        self._settings = settings
        self._negative = PromptEdit("negative_prompt", tr("What should not be there"), lines=(1, 4))
        self._seed = QtWidgets.QLineEdit()
        self._seed.setObjectName("seed")
        self._seed.setPlaceholderText(tr("any"))
        self._seed.setMinimumWidth(50)
        self._seed.setToolTip(tr("The same seed with the same settings gives the same picture"))
        self._numbers = {
            "count": _number("count", 1, MOST_PICTURES, tr("How many pictures to make"), ""),
        }
        grid = QtWidgets.QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        for column in (1, 3):
            grid.setColumnStretch(column, 1)
        grid.addWidget(QtWidgets.QLabel(tr("Avoid")), 0, 0)
        grid.addWidget(self._negative, 0, 1, 1, 3)
        cells: list[tuple[str, QtWidgets.QWidget]] = [(tr("Seed"), self._seed), (tr("Pictures"), self._numbers["count"])]
        for number, (label, field) in enumerate(cells):
            row, column = 1 + number // 2, number % 2 * 2
            grid.addWidget(QtWidgets.QLabel(label), row, column)
            grid.addWidget(field, row, column + 1)
        self._bind()

    def _bind(self) -> None:
        settings = self._settings
        self._negative.edited.connect(lambda text: setattr(settings, "negative_prompt", text))
        self._seed.textEdited.connect(lambda text: setattr(settings, "seed", text))
        for name, box in self._numbers.items():
            box.valueChanged.connect(lambda value, name=name: setattr(settings, name, value))
            self._show(name)
        settings.changed.connect(self._show)
        self._show("negative_prompt")
        self._show("seed")

    def _show(self, name: str) -> None:
        value: Any = getattr(self._settings, name)
        if name == "negative_prompt":
            self._negative.show_text(value)
        elif name == "seed" and self._seed.text() != value:
            self._seed.setText(value)
        elif name in self._numbers:
            self._numbers[name].setValue(value)


def _number(name: str, least: int, most: int, tip: str, unit: str) -> QtWidgets.QSpinBox:
    box = QtWidgets.QSpinBox()
    box.setObjectName(name)
    box.setRange(least, most)
    box.setSuffix(unit)
    box.setToolTip(tip)
    return box

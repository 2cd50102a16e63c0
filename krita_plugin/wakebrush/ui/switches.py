"""Check boxes that are settings: one line each."""

from __future__ import annotations

from collections.abc import Iterable

from ..qt import QtWidgets, QWidget
from ..session.settings import PaintSettings


class Switches(QWidget):
    """Bound to the settings. `rows`: a setting's name, its words, and what a tool tip says of it."""

    def __init__(self, settings: PaintSettings, rows: Iterable[tuple[str, str, str]]) -> None:
        super().__init__()
        self.settings = settings
        self._boxes: dict[str, QtWidgets.QCheckBox] = {}
        self.column = QtWidgets.QVBoxLayout(self)
        self.column.setContentsMargins(0, 0, 0, 0)
        for name, text, tip in rows:
            box = self._boxes[name] = QtWidgets.QCheckBox(text)
            box.setObjectName(name)
            box.setToolTip(tip)
            self.column.addWidget(box)
            box.toggled.connect(lambda on, name=name: setattr(settings, name, on))
            self._show(name)
        settings.changed.connect(self._show)

    def _show(self, name: str) -> None:
        if name in self._boxes:
            self._boxes[name].setChecked(getattr(self.settings, name))

"""The settings about the machine and what it costs, for the settings dialog."""

from __future__ import annotations

from ..i18n import tr
from ..qt import QtWidgets, QWidget
from ..session.settings import PaintSettings


class MachineSettings(QWidget):
    """Two switches, bound to the settings."""

    def __init__(self, settings: PaintSettings) -> None:
        super().__init__()
        self._settings = settings
        self._boxes = {
            "wake_on_intent": _box(
                "wake_on_intent",
                tr("Wake the machine when I begin to write or to select"),
                tr("Saves the wait for the first picture. A wake for nothing costs as much as one that is needed."),
            ),
            "quiet_budget": _box(
                "quiet_budget",
                tr("Show what the month has cost only from 80 % on"),
                tr("The budget itself holds all the same."),
            ),
        }
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        for name, box in self._boxes.items():
            column.addWidget(box)
            box.toggled.connect(lambda on, name=name: setattr(settings, name, on))
            self._show(name)
        settings.changed.connect(self._show)

    def _show(self, name: str) -> None:
        if name in self._boxes:
            self._boxes[name].setChecked(getattr(self._settings, name))


def _box(name: str, text: str, tip: str) -> QtWidgets.QCheckBox:
    box = QtWidgets.QCheckBox(text)
    box.setObjectName(name)
    box.setToolTip(tip)
    return box

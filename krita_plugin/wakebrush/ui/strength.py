"""How much of what is there may change."""

from __future__ import annotations

from ..i18n import later, tr
from ..qt import Qt, QtWidgets, QWidget, Signal

LEAST, MOST, STEP = 5, 100, 5
#: Percent, and what it does.
PRESETS = (
    (20, later("Touch up")),
    (40, later("Refine details")),
    (70, later("Rework")),
    (100, later("Paint anew")),
)


class StrengthSlider(QWidget):
    """`changed(percent)`: 5 keeps nearly everything, 100 paints anew. A click on the number opens the presets."""

    changed = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self._slider = QtWidgets.QSlider(Qt.Orientation.Horizontal)
        self._slider.setObjectName("strength")
        self._slider.setRange(LEAST, MOST)
        self._slider.setSingleStep(STEP)
        self._slider.setPageStep(2 * STEP)
        self._slider.setMinimumWidth(40)
        self._slider.setAccessibleName(tr("Strength"))
        self._slider.setToolTip(tr("How much may change: left keeps what is there, right paints anew"))
        self._number = QtWidgets.QToolButton()
        self._number.setObjectName("strength_presets")
        self._number.setAutoRaise(True)
        self._number.setPopupMode(QtWidgets.QToolButton.ToolButtonPopupMode.InstantPopup)
        self._number.setToolTip(tr("Strengths to choose from"))
        self._number.setFixedWidth(self._number.fontMetrics().horizontalAdvance("100 %") + 24)
        self._number.setMenu(self._menu())
        row = QtWidgets.QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(QtWidgets.QLabel(tr("keep")))
        row.addWidget(self._slider, 1)
        row.addWidget(QtWidgets.QLabel(tr("new")))
        row.addWidget(self._number)
        self._slider.valueChanged.connect(self._moved)
        self._moved(self._slider.value())

    def show_strength(self, percent: int) -> None:
        self._slider.setValue(percent)

    def _menu(self) -> QtWidgets.QMenu:
        menu = QtWidgets.QMenu(self)
        for percent, name in PRESETS:
            preset = menu.addAction(tr("{name}: {percent} %", name=tr(name), percent=percent))
            preset.triggered.connect(lambda _=False, percent=percent: self._slider.setValue(percent))
        return menu

    def _moved(self, percent: int) -> None:
        self._number.setText(f"{percent} %")
        self.changed.emit(percent)

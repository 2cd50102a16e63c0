"""How much of what is there may change."""

from __future__ import annotations

from ..i18n import tr
from ..qt import Qt, QtWidgets, QWidget, Signal

LEAST, MOST, STEP = 5, 100, 5


class StrengthSlider(QWidget):
    """`changed(percent)`: 5 keeps nearly everything, 100 paints anew."""

    changed = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self._slider = QtWidgets.QSlider(Qt.Orientation.Horizontal)
        self._slider.setObjectName("strength")
        self._slider.setRange(LEAST, MOST)
        self._slider.setSingleStep(STEP)
        self._slider.setPageStep(2 * STEP)
        self._slider.setAccessibleName(tr("Strength"))
        self._slider.setToolTip(tr("How much may change: left keeps what is there, right paints anew"))
        self._number = QtWidgets.QLabel()
        self._number.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self._number.setFixedWidth(self._number.fontMetrics().horizontalAdvance("100 %") + 4)
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

    def _moved(self, percent: int) -> None:
        self._number.setText(f"{percent} %")
        self.changed.emit(percent)

"""Before and after: how much of the picture over the canvas is seen."""

from __future__ import annotations

from ..i18n import tr
from ..qt import Qt, QtWidgets, QWidget, Signal

_ALL = 100


class WipeSlider(QWidget):
    """`wiped(fraction)`: what is left of this fraction of the width shows the result; None: all of it."""

    wiped = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("wipe_row")
        self._slider = QtWidgets.QSlider(Qt.Orientation.Horizontal)
        self._slider.setObjectName("wipe")
        self._slider.setRange(0, _ALL)
        self._slider.setValue(_ALL)
        self._slider.setAccessibleName(tr("Compare before and after"))
        self._slider.setToolTip(tr("Compare: left of the line is the result, right of it your picture as it is"))
        row = QtWidgets.QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(QtWidgets.QLabel(tr("before")))
        row.addWidget(self._slider, 1)
        row.addWidget(QtWidgets.QLabel(tr("after")))
        self._slider.valueChanged.connect(lambda value: self.wiped.emit(None if value == _ALL else value / _ALL))

    def show_wipe(self, fraction: float | None) -> None:
        """Where the line is."""
        self._slider.setValue(_ALL if fraction is None else round(fraction * _ALL))

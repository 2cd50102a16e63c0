"""What the button costs, and the ideas that wait for one wake."""

from __future__ import annotations

from ..i18n import tr
from ..qt import QtWidgets, QWidget, Signal
from .lines import FaintSentence


class PriceRow(QWidget):
    """One line with the price, and one button while ideas are put aside."""

    release_asked = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._price = FaintSentence("price")
        self._gather = QtWidgets.QPushButton()
        self._gather.setObjectName("release")
        self._gather.setToolTip(tr("Paints all ideas that were put aside, with one wake"))
        self._gather.setMinimumWidth(40)
        self._gather.setSizePolicy(QtWidgets.QSizePolicy.Policy.Ignored, QtWidgets.QSizePolicy.Policy.Fixed)
        self._gather.clicked.connect(lambda: self.release_asked.emit())
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self._price)
        column.addWidget(self._gather)
        self.show_price("")
        self.show_gather("")

    def show_price(self, text: str) -> None:
        self._price.show_text(text)
        self._settle()

    def show_tip(self, text: str) -> None:
        self._price.setToolTip(text)

    def show_gather(self, text: str) -> None:
        self._gather.setText(text)
        self._gather.setHidden(not text)
        self._settle()

    def _settle(self) -> None:
        self.setHidden(self._price.isHidden() and self._gather.isHidden())

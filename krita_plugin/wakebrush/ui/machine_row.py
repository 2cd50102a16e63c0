"""What may be done with the machine, below the state line."""

from __future__ import annotations

from ..i18n import tr
from ..qt import QtWidgets, QWidget, Signal
from ..session.machine_words import MachineView
from .lines import FaintSentence


class MachineRow(QWidget):
    """Wake, keep awake, let go. Open when she asked for it, or when the machine is about to go to sleep.

    `gather_chosen(on)`: whether the button puts ideas aside while everything sleeps.
    """

    wake_asked = Signal()
    hold_asked = Signal()
    let_go_asked = Signal()
    gather_chosen = Signal(bool)

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("machine_row")
        self._view = MachineView()
        self._open = False
        self._aside = FaintSentence("aside")
        self._lines = FaintSentence("machines")
        self._wake = _button("wake", tr("Starts the machine now, so that the first picture does not wait"))
        self._hold = _button("hold", tr("The machine does not go to sleep for an hour, for the whole team"))
        self._let_go = _button("let_go", tr("The machine goes to sleep by itself again when nobody paints"))
        self._wake.clicked.connect(lambda: self.wake_asked.emit())
        self._hold.clicked.connect(lambda: self.hold_asked.emit())
        self._let_go.clicked.connect(lambda: self.let_go_asked.emit())
        self._gather = QtWidgets.QCheckBox(tr("Gather ideas, then wake once"))
        self._gather.setObjectName("gather")
        self._gather.setToolTip(
            tr("While the machine sleeps, the button puts ideas aside. Another one wakes it and paints them all.")
        )
        self._gather.toggled.connect(lambda on: self.gather_chosen.emit(on))
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        for widget in (self._aside, self._wake, self._hold, self._let_go, self._gather, self._lines):
            column.addWidget(widget)
        self._show()

    def show_view(self, view: MachineView) -> None:
        self._view = view
        self._show()

    def show_aside(self, sentence: str) -> None:
        self._aside.show_text(sentence)
        self._show()

    def show_gather(self, on: bool) -> None:
        self._gather.setChecked(on)

    def set_open(self, on: bool) -> None:
        """Whether she wants to see everything."""
        self._open = on
        self._show()

    def _show(self) -> None:
        view, wanted = self._view, self._open or self._view.urgent
        for button, label in ((self._wake, view.wake), (self._hold, view.hold), (self._let_go, view.let_go)):
            button.setText(label)
            button.setHidden(not (label and wanted))
        self._gather.setHidden(not self._open)
        self._lines.show_text("\n".join(view.lines) if self._open else "")
        parts = (self._aside, self._wake, self._hold, self._let_go, self._gather, self._lines)
        self.setHidden(all(each.isHidden() for each in parts))


def _button(name: str, tip: str) -> QtWidgets.QPushButton:
    button = QtWidgets.QPushButton()
    button.setObjectName(name)
    button.setToolTip(tip)
    button.setMinimumWidth(40)
    button.setSizePolicy(QtWidgets.QSizePolicy.Policy.Ignored, QtWidgets.QSizePolicy.Policy.Fixed)
    return button

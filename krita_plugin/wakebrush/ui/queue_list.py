"""The queue: what is under way, what it waits for, and the way to let go of it."""

from __future__ import annotations

from ..i18n import tr
from ..qt import QtWidgets, QWidget, Signal
from ..session.queue import Row
from .lines import OneLine


class QueueList(QWidget):
    """`cancelled(Row)`, `fronted(Row)`: of one press; `all_cancelled(which)`: `mine` or `all`. Hidden while there is nothing."""

    cancelled = Signal(object)
    fronted = Signal(object)
    all_cancelled = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("queue")
        self._wanted = False
        self._rows: list[_QueueRow] = []
        self._shown: tuple[Row, ...] = ()
        self._title = QtWidgets.QLabel()
        self._title.setObjectName("queue_title")
        self._mine = _small("cancel_mine", tr("Cancel mine"), tr("Lets go of all your pictures; what is finished stays"))
        self._all = _small("cancel_all", tr("Cancel all"), tr("Lets go of everybody's pictures; what is finished stays"))
        self._mine.clicked.connect(lambda: self.all_cancelled.emit("mine"))
        self._all.clicked.connect(lambda: self.all_cancelled.emit("all"))
        self._all.hide()
        head = QtWidgets.QHBoxLayout()
        head.addWidget(self._title, 1)
        head.addWidget(self._mine)
        head.addWidget(self._all)
        self._column = QtWidgets.QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(2)
        self._column.addLayout(head)
        self.hide()

    def show_rows(self, rows: tuple[Row, ...]) -> None:
        """Takes over the queue. A press keeps its widgets as long as its place is the same, so that nothing blinks."""
        self._shown = rows
        while len(self._rows) > len(rows):
            self._rows.pop().deleteLater()
        while len(self._rows) < len(rows):
            added = _QueueRow()
            added.cancelled.connect(self.cancelled)
            added.fronted.connect(self.fronted)
            self._rows.append(added)
            self._column.addWidget(added)
        for widget, row in zip(self._rows, rows, strict=True):
            widget.show_row(row)
        self._title.setText(tr("Queue: {n}", n=len(rows)))
        self.setHidden(not (rows and self._wanted))

    def set_wanted(self, on: bool) -> None:
        """Whether she wants to see it at all."""
        self._wanted = on
        self.setHidden(not (self._shown and on))

    def show_admin(self, on: bool) -> None:
        """Whether she may let go of everybody's."""
        self._all.setVisible(on)


class _QueueRow(QWidget):
    """One press of the button."""

    cancelled = Signal(object)
    fronted = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("queue_row")
        self._row = Row((), "", "")
        self._title = OneLine("queue_row_title")
        self._sentence = OneLine("queue_row_sentence", is_faint=True)
        self._front = _small("front", "↑", tr("Before your other pictures"))
        self._cancel = _small("cancel_row", "×", tr("Cancel this"))
        keeps_its_room = self._front.sizePolicy()
        keeps_its_room.setRetainSizeWhenHidden(True)
        self._front.setSizePolicy(keeps_its_room)
        self._front.clicked.connect(lambda: self.fronted.emit(self._row))
        self._cancel.clicked.connect(lambda: self.cancelled.emit(self._row))
        grid = QtWidgets.QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setVerticalSpacing(0)
        grid.setColumnStretch(0, 1)
        grid.addWidget(self._title, 0, 0)
        grid.addWidget(self._sentence, 1, 0)
        grid.addWidget(self._front, 0, 1, 2, 1)
        grid.addWidget(self._cancel, 0, 2, 2, 1)

    def show_row(self, row: Row) -> None:
        self._row = row
        self._title.setText(row.title)
        self._sentence.setText(row.sentence)
        self._title.setToolTip(row.tip)
        self._front.setVisible(row.can_go_first)


def _small(name: str, text: str, tip: str) -> QtWidgets.QToolButton:
    button = QtWidgets.QToolButton()
    button.setObjectName(name)
    button.setText(text)
    button.setToolTip(tip)
    button.setAccessibleName(tip)
    button.setAutoRaise(True)
    return button

"""The style to paint with, its licence, and the way to her own styles."""

from __future__ import annotations

from ..client.model import Style
from ..i18n import tr
from ..qt import Qt, QtGui, QtWidgets, QWidget, Signal
from ..session.styles import licence_words
from .lines import FaintSentence

#: Below this many pixels the list of styles needs the room of its label.
_NARROW = 260


class StyleRow(QWidget):
    """`chosen(name)` when she picks one; `managed()` when she wants to see what they are made of."""

    chosen = Signal(str)
    managed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._styles: tuple[Style, ...] = ()
        self._practice = False
        self._list = QtWidgets.QComboBox()
        self._list.setObjectName("style")
        self._list.setAccessibleName(tr("Style"))
        self._list.setSizeAdjustPolicy(QtWidgets.QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self._list.setMinimumContentsLength(4)
        self._list.activated.connect(self._choose)
        self._manage = QtWidgets.QToolButton()
        self._manage.setObjectName("manage_styles")
        self._manage.setAutoRaise(True)
        self._manage.setText("…")
        self._manage.setToolTip(tr("What styles are made of, and styles of your own"))
        self._manage.setAccessibleName(tr("Styles"))
        self._manage.clicked.connect(lambda: self.managed.emit())
        self._licence = FaintSentence("licence")
        self.row = QtWidgets.QHBoxLayout()
        self.row.setSpacing(4)
        self._label = QtWidgets.QLabel(tr("Style"))
        self.row.addWidget(self._label)
        self.row.addWidget(self._list, 1)
        self.row.addWidget(self._manage)
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addLayout(self.row)
        column.addWidget(self._licence)

    def show_styles(self, styles: tuple[Style, ...], chosen: Style | None, *, practice: bool = False) -> None:
        """What there is to choose from, and what is chosen. `practice`: they are the practice engine's."""
        if (styles, practice) != (self._styles, self._practice):
            self._styles, self._practice = styles, practice
            self._list.clear()
            for number, style in enumerate(styles):
                self._list.addItem(style.title, style.name)
                self._list.setItemData(number, style_tip(style, practice=practice), Qt.ItemDataRole.ToolTipRole)
                self._list.model().item(number).setEnabled(style.available is not False)
        self._list.setCurrentIndex(-1 if chosen is None else self._list.findData(chosen.name))
        self._list.setEnabled(self._list.count() > 0)
        self._list.setToolTip("" if chosen is None else style_tip(chosen, practice=practice))
        self._licence.show_text(licence_words(None if chosen is None else chosen.licence, practice=practice))

    def resizeEvent(self, event: QtGui.QResizeEvent) -> None:
        super().resizeEvent(event)
        self._label.setVisible(event.size().width() >= _NARROW)

    def _choose(self, index: int) -> None:
        self.chosen.emit(self._list.itemData(index))


def style_tip(style: Style, *, practice: bool = False) -> str:
    """What a style is for and under which licence, or why it cannot be used."""
    if style.barred:
        return style.barred
    if style.available is False:
        return tr("The engine lacks {models}.", models=", ".join(style.missing) or tr("a model"))
    return "\n".join(filter(None, [style.description, licence_words(style.licence, practice=practice)]))

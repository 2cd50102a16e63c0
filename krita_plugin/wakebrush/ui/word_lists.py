"""Which words are offered while she types."""

from __future__ import annotations

from pathlib import Path

from ..i18n import tr
from ..qt import Qt, QtWidgets, QWidget
from ..session.writing import Writing
from .lines import Sentence


class WordLists(QWidget):
    """Her lists, and the way to add one or take one away."""

    def __init__(self, writing: Writing) -> None:
        super().__init__()
        self._writing = writing
        self._said = Sentence("word_count")
        self._list = QtWidgets.QListWidget()
        self._list.setObjectName("word_lists")
        about = Sentence("word_lists_about")
        about.setText(
            tr(
                "A list of words is a CSV file with the columns name, category, count, aliases, as collections of tags are "
                "passed around. It is copied; painting words are there without one."
            )
        )
        add, remove = QtWidgets.QPushButton(tr("Add a list …")), QtWidgets.QPushButton(tr("Remove the list"))
        for button, name in ((add, "words_add"), (remove, "words_remove")):
            button.setObjectName(name)
            button.setAutoDefault(False)
        add.clicked.connect(self._ask_for_list)
        remove.clicked.connect(self._remove)
        offer = QtWidgets.QCheckBox(tr("Offer words while I type"))
        offer.setObjectName("offer_words")
        offer.setChecked(writing.offers_words)
        offer.toggled.connect(writing.offer_words)
        column = QtWidgets.QVBoxLayout(self)
        for widget in (offer, about, self._said, self._list, add, remove):
            column.addWidget(widget)
        writing.tags.changed.connect(self._show)
        self._show()

    def _show(self) -> None:
        self._said.setText(tr("{n} words are offered.", n=len(self._writing.tags)))
        self._list.clear()
        self._list.addItems(self._writing.tags.names())

    def _remove(self) -> None:
        item = self._list.currentItem()
        if item is not None:
            self._writing.remove_words(item.text())

    def _ask_for_list(self) -> None:
        dialog = QtWidgets.QFileDialog(self, tr("Add a list of words"), "", "CSV (*.csv *.txt)")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setFileMode(QtWidgets.QFileDialog.FileMode.ExistingFile)
        dialog.fileSelected.connect(lambda path: self._writing.add_words(Path(path)))
        dialog.open()

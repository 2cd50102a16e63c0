"""All styles, what they are made of, and her own ones. Modeless: she goes on painting while it is open."""

from __future__ import annotations

from pathlib import Path

from ..client.model import Style
from ..i18n import tr
from ..qt import Qt, QtWidgets, QWidget
from ..session.style_book import is_own
from ..session.styles import OwnStyle, own_name
from ..session.writing import Writing
from .style_form import StyleForm
from .word_lists import WordLists


class StyleManager(QtWidgets.QDialog):
    """A list on the left, what is chosen in it on the right. A service's style is changed by making one of her own from it."""

    def __init__(self, writing: Writing, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._writing = writing
        self._book = writing.book
        self.setObjectName("style_manager")
        self.setWindowTitle(tr("Styles"))
        self.resize(680, 560)
        self._list = QtWidgets.QListWidget()
        self._list.setObjectName("styles")
        self._form = StyleForm()
        self._buttons = {name: _button(name) for name in ("new", "save", "remove", "import", "export")}
        for name, text in (
            ("new", tr("New from this one")),
            ("save", tr("Save")),
            ("remove", tr("Remove")),
            ("import", tr("Import …")),
            ("export", tr("Export …")),
        ):
            self._buttons[name].setText(text)
        self._arrange()
        self._connect()

    def _arrange(self) -> None:
        area = QtWidgets.QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QtWidgets.QFrame.Shape.NoFrame)
        area.setWidget(self._form)
        styles = QWidget()
        grid = QtWidgets.QGridLayout(styles)
        grid.addWidget(self._list, 0, 0, 1, 2)
        grid.addWidget(self._buttons["new"], 1, 0, 1, 2)
        grid.addWidget(self._buttons["import"], 2, 0)
        grid.addWidget(self._buttons["export"], 2, 1)
        grid.addWidget(area, 0, 2, 1, 2)
        grid.addWidget(self._buttons["remove"], 1, 2)
        grid.addWidget(self._buttons["save"], 1, 3)
        grid.setColumnStretch(2, 3)
        grid.setColumnStretch(3, 3)
        tabs = QtWidgets.QTabWidget()
        tabs.addTab(styles, tr("Styles"))
        tabs.addTab(WordLists(self._writing), tr("Words"))
        column = QtWidgets.QVBoxLayout(self)
        column.addWidget(tabs)

    def _connect(self) -> None:
        self._list.currentRowChanged.connect(lambda _: self._show_chosen())
        self._buttons["new"].clicked.connect(self._new)
        self._buttons["save"].clicked.connect(self._save)
        self._buttons["remove"].clicked.connect(lambda: self._book.forget(self._chosen_name()))
        self._buttons["import"].clicked.connect(self._ask_what_to_import)
        self._buttons["export"].clicked.connect(self._ask_where_to_export)
        self._book.changed.connect(lambda name: self._show_list() if name in ("styles", "own") else None)

    def open_at(self, name: str) -> None:
        """Shows the style of that name."""
        self._show_list(name)
        self.show()
        self.raise_()
        self.activateWindow()

    def _show_list(self, chosen: str = "") -> None:
        """All styles, hers below the service's; also those whose basis is gone, so that they can be removed or exported."""
        chosen = chosen or self._chosen_name()
        entries = [(style.name, style.title, style.available) for style in self._book.styles]
        listed = {name for name, *_ in entries}
        entries += [(own.name, own.title, False) for own in self._book.own if own.name not in listed]
        self._list.blockSignals(True)
        self._list.clear()
        for name, title, available in entries:
            item = QtWidgets.QListWidgetItem(title if available is not False else tr("{name} (missing)", name=title))
            item.setData(Qt.ItemDataRole.UserRole, name)
            self._list.addItem(item)
            if name == chosen:
                self._list.setCurrentItem(item)
        if self._list.currentRow() < 0:
            self._list.setCurrentRow(0)
        self._list.blockSignals(False)
        self._show_chosen()

    def _show_chosen(self) -> None:
        name = self._chosen_name()
        own = self._book.own_of(name)
        basis = self._basis(name, own)
        if basis is not None:
            self._form.show_style(basis, own, self._book.models)
        self._form.setVisible(basis is not None)
        self._buttons["new"].setEnabled(basis is not None)
        self._buttons["save"].setEnabled(own is not None and basis is not None)
        self._buttons["remove"].setEnabled(own is not None)
        self._buttons["export"].setEnabled(bool(self._book.own))

    def _new(self) -> None:
        """One of her own, as the chosen one is now."""
        name = self._chosen_name()
        own = self._book.own_of(name)
        basis = self._basis(name, own)
        if basis is None:
            return
        title = self._book.free_title(tr("My {title}", title=basis.title) if own is None else own.title)
        made = self._form.written() if own is not None else OwnStyle("", "", basis.name)
        self._book.keep(OwnStyle(**{**vars(made), "name": own_name(title), "title": title}))
        self._show_list(own_name(title))

    def _save(self) -> None:
        written, before = self._form.written(), self._chosen_name()
        if written.name != before and self._book.own_of(written.name) is not None:
            title = self._book.free_title(written.title, but=before)
            written = OwnStyle(**{**vars(written), "name": own_name(title), "title": title})
        self._book.keep(written, instead_of=before)
        self._writing.renamed(before, written.name)
        self._show_list(written.name)

    def _ask_what_to_import(self) -> None:
        dialog = _file_dialog(self, tr("Import styles"), saving=False)
        dialog.fileSelected.connect(lambda path: self._writing.import_styles(Path(path)))
        dialog.open()

    def _ask_where_to_export(self) -> None:
        """The chosen one when it is hers, otherwise all of hers."""
        own = self._book.own_of(self._chosen_name())
        styles = self._book.own if own is None else (own,)
        dialog = _file_dialog(self, tr("Export styles"), saving=True)
        dialog.fileSelected.connect(lambda path: self._writing.export_styles(Path(path), styles))
        dialog.open()

    def _basis(self, name: str, own: OwnStyle | None) -> Style | None:
        """The service's style that a style is or begins with."""
        wanted = own.basis if own is not None else name
        return None if is_own(wanted) else next((style for style in self._book.offered if style.name == wanted), None)

    def _chosen_name(self) -> str:
        item = self._list.currentItem()
        return "" if item is None else str(item.data(Qt.ItemDataRole.UserRole))


def _button(name: str) -> QtWidgets.QPushButton:
    made = QtWidgets.QPushButton()
    made.setObjectName(f"style_{name}")
    made.setAutoDefault(False)
    return made


def _file_dialog(parent: QWidget, title: str, *, saving: bool) -> QtWidgets.QFileDialog:
    dialog = QtWidgets.QFileDialog(parent, title, "", "JSON (*.json)")
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.setDefaultSuffix("json")
    if saving:
        dialog.setAcceptMode(QtWidgets.QFileDialog.AcceptMode.AcceptSave)
    else:
        dialog.setFileMode(QtWidgets.QFileDialog.FileMode.ExistingFile)
    return dialog

"""The docker's results: thumbnails, and what can be done with the one that lies over the canvas."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from ..i18n import tr
from ..qt import QPoint, Qt, QtWidgets, QWidget
from ..session.items import Item
from ..session.results import Results
from ..session.words import ago
from .lines import Sentence
from .preview import Preview
from .thumbnails import GAP, TILE, Thumbnails
from .wipe import WipeSlider

#: The most that an enlarged picture takes of the docker, in pixels.
_ENLARGED = 480


class ResultsView(QWidget):
    """Bound to the results. Nothing is there while there are none."""

    def __init__(self, results: Results, now: Callable[[], float] = time.time) -> None:
        super().__init__()
        self.setObjectName("results")
        self._results = results
        self._now = now
        self._dialog: QtWidgets.QFileDialog | None = None
        self._folder = ""
        self._thumbnails = Thumbnails(self._heading, results.waits_at)
        self._enlarged = _enlarged()
        self._wipe = WipeSlider()
        self._verbs = self._make_verbs()
        self._again = AgainRow()
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        for widget in (self._again, self._verbs, self._wipe, self._enlarged, self._scrolled()):
            column.addWidget(widget)
        self._connect()
        for name in Results.properties():
            self._show(name)

    def _scrolled(self) -> QtWidgets.QScrollArea:
        self._area = QtWidgets.QScrollArea()
        self._area.setObjectName("results_scroll")
        self._area.setFrameShape(QtWidgets.QFrame.Shape.NoFrame)
        self._area.setWidgetResizable(True)
        self._area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._area.setWidget(self._thumbnails)
        return self._area

    def _make_verbs(self) -> QWidget:
        row = QWidget()
        row.setObjectName("result_verbs")
        layout = QtWidgets.QHBoxLayout(row)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        self._apply = QtWidgets.QToolButton()
        self._apply.setObjectName("result_apply")
        self._apply.setText(tr("Apply"))
        self._apply.setToolTip(tr("Adds the picture as a layer, in one undo step (Enter)"))
        self._apply.setSizePolicy(QtWidgets.QSizePolicy.Policy.Expanding, QtWidgets.QSizePolicy.Policy.Fixed)
        self._apply.clicked.connect(lambda: self._results.apply())
        layout.addWidget(self._apply, 1)
        for name, text, sentence, verb in (
            ("result_star", "★", tr("Star: kept before others when room in the file is short (S)"), self._results.star),
            ("result_discard", "✕", tr("Discard this picture (Delete)"), self._results.discard),
        ):
            layout.addWidget(self._button(name, text, sentence, verb))
        self._more = QtWidgets.QToolButton()
        self._more.setObjectName("result_more")
        self._more.setText("…")
        self._more.setToolTip(tr("What else can be done with this picture"))
        self._more.setAccessibleName(tr("More"))
        self._more.clicked.connect(lambda: self.open_menu(self._results.pinned, self._more.mapToGlobal(QPoint(0, 0))))
        layout.addWidget(self._more)
        return row

    def _button(self, name: str, text: str, sentence: str, verb: Callable[[str], object]) -> QtWidgets.QToolButton:
        button = QtWidgets.QToolButton()
        button.setObjectName(name)
        button.setText(text)
        button.setToolTip(sentence)
        button.setAccessibleName(sentence)
        button.clicked.connect(lambda: verb(self._results.pinned))
        return button

    def _connect(self) -> None:
        results, thumbnails = self._results, self._thumbnails
        thumbnails.peeked.connect(results.peek)
        thumbnails.pinned.connect(lambda name: results.let_go() if name == results.pinned else results.pin(name))
        thumbnails.applied.connect(results.apply)
        thumbnails.starred.connect(results.star)
        thumbnails.discarded.connect(self._discard)
        thumbnails.let_go.connect(self._let_go)
        thumbnails.menu_asked.connect(self.open_menu)
        self._wipe.wiped.connect(results.compare)
        self._again.asked.connect(lambda: results.again())
        results.changed.connect(self._show)

    def _show(self, name: str) -> None:
        results = self._results
        self.setHidden(not results.items and not results.layer_prompt)
        if name in ("items", "recovered"):
            self._thumbnails.show_items(results.items, results.recovered)
            self._area.setVisible(bool(results.items))
            self._area.setMinimumHeight(min(self._thumbnails.height(), TILE + GAP + self.fontMetrics().height()))
            self._verbs.setVisible(bool(results.items))
            self._wipe.setVisible(bool(results.items))
        elif name == "pinned":
            # They stay where they are: what moved under the mouse would take the second click of a double one.
            self._thumbnails.show_pinned(results.pinned)
            self._verbs.setEnabled(bool(results.pinned))
            self._wipe.setEnabled(bool(results.pinned))
        elif name == "enlarged":
            self._enlarged.show_image(results.enlarged)
        elif name == "wipe":
            self._wipe.show_wipe(results.wipe)
        elif name == "layer_prompt":
            self._again.show_prompt(results.layer_prompt)

    def open_menu(self, item_id: str, place: QPoint) -> None:
        """Everything that can be done with a result."""
        menu = self.menu(item_id)
        if menu is not None:
            menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            menu.popup(place)

    def menu(self, item_id: str) -> QtWidgets.QMenu | None:
        """The menu of a result; None when it is not there any more."""
        item = next((item for item in self._results.items if item.id == item_id), None)
        if item is None:
            return None
        results = self._results
        menu = QtWidgets.QMenu(self)
        menu.setObjectName("result_menu")
        entries: tuple[tuple[str, str, Callable[[], object]] | None, ...] = (
            ("apply", tr("Apply as a new layer"), partial(results.apply, item_id)),
            ("replace", tr("Apply in place of the layer it was read from"), partial(results.apply, item_id, replace_layer=True)),
            None,
            ("again", tr("Again: bring back prompt, seed and style"), partial(results.again, item_id)),
            ("seed", tr("Reuse the seed"), partial(results.reuse_seed, item_id)),
            ("prompt", tr("Copy the prompt"), partial(results.copy_prompt, item_id)),
            None,
            ("star", tr("Take the star away") if item.starred else tr("Star"), partial(results.star, item_id)),
            ("save", tr("Save as PNG…"), partial(self.save, item)),
            ("discard", tr("Discard"), partial(results.discard, item_id)),
            ("discard_group", tr("Discard all of this prompt"), partial(self._discard_prompt, item.prompt)),
        )
        for entry in entries:
            if entry is None:
                menu.addSeparator()
                continue
            action = menu.addAction(entry[1])
            action.setObjectName(f"result_{entry[0]}_action")
            action.triggered.connect(lambda _=False, verb=entry[2]: verb())
        return menu

    def save(self, item: Item) -> None:
        """Asks where to, without stopping anything meanwhile."""
        dialog = QtWidgets.QFileDialog(self, tr("Save the picture"), self._folder, tr("PNG pictures (*.png)"))
        dialog.setObjectName("result_save")
        dialog.setAcceptMode(QtWidgets.QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix("png")
        dialog.selectFile(file_name(item))
        dialog.fileSelected.connect(partial(self._save_to, item.id))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

    def _save_to(self, item_id: str, path: str) -> None:
        self._folder = str(Path(path).parent)
        self._results.save_png(item_id, path)

    def _discard(self, item_id: str) -> None:
        """The cursor goes on to what takes its place."""
        ids = [item.id for item in self._results.items]
        at = ids.index(item_id) if item_id in ids else 0
        self._results.discard(item_id)
        left = [item.id for item in self._results.items]
        if left:
            self._thumbnails.cursor_on = left[min(at, len(left) - 1)]
            self._results.peek(self._thumbnails.cursor_on if self._thumbnails.hasFocus() else "")

    def _discard_prompt(self, prompt: str) -> None:
        self._results.discard(*[item.id for item in self._results.items if item.prompt == prompt and not item.starred])

    def _let_go(self) -> None:
        """Escape: first what lies over the canvas goes, then the keys go back to the canvas."""
        if self._results.pinned or self._results.peeked:
            self._results.let_go()
        else:
            self._results.leave()

    def _heading(self, item: Item) -> str:
        return tr("{prompt} · {time}", prompt=" ".join(item.prompt.split()), time=ago(self._now() - item.at))


class AgainRow(QWidget):
    """There while the active layer is a result: the way back to how it was made."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("again_row")
        self._sentence = Sentence("again_sentence")
        button = QtWidgets.QPushButton(tr("Again"))
        button.setObjectName("again")
        button.setToolTip(tr("Brings back the prompt, seed, style and region of this layer"))
        self.asked = button.clicked
        row = QtWidgets.QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self._sentence, 1)
        row.addWidget(button)
        self.hide()

    def show_prompt(self, prompt: str) -> None:
        self.setHidden(not prompt)
        shortened = self._sentence.fontMetrics().elidedText(" ".join(prompt.split()), Qt.TextElideMode.ElideRight, 300)
        self._sentence.setText(tr("This layer: “{prompt}”", prompt=shortened))


def file_name(item: Item) -> str:
    """A file name that says what the picture shows."""
    words = re.sub(r"[^\w]+", "-", item.prompt, flags=re.UNICODE).strip("-")[:60].strip("-")
    return f"{words or 'picture'}-{item.n + 1}.png"


def _enlarged() -> Preview:
    preview = Preview()
    preview.setObjectName("enlarged")
    preview.setAccessibleName(tr("The picture, enlarged"))
    preview.setMaximumHeight(_ENLARGED)
    preview.setMinimumHeight(_ENLARGED // 2)
    return preview

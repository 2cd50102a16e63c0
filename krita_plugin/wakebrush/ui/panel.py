"""The docker's contents, from the state line down to the budget. 300 pixels wide at least."""

from __future__ import annotations

from collections.abc import Callable

from ..i18n import tr
from ..qt import QApplication, QEvent, QIcon, Qt, QtGui, QTimer, QtWidgets, QWidget
from ..session import Session
from .advanced import AdvancedSettings
from .connect_dialog import ConnectDialog
from .keys import kept_from_krita, starts_a_picture, to_canvas
from .lines import FaintSentence, NoticeLine, OfferLine, StateRow
from .machine_row import MachineRow
from .mode_menu import ModeButton
from .preview import Preview
from .price_row import PriceRow
from .prompt_edit import PromptEdit
from .queue_list import QueueList
from .region_settings import MarginsRow, RegionBox
from .results_view import ResultsView
from .settings_dialog import SettingsDialog
from .strength import StrengthSlider
from .style_manager import StyleManager
from .style_row import StyleRow

#: How often the canvas is looked at while the docker is visible: Krita says nothing when a selection changes.
_LOOK_MS = 300
#: While a mouse button is down nothing changes its place; how soon to look again, in milliseconds.
_HELD_MS = 50


class Panel(QWidget):
    """Binds the widgets to the session."""

    def __init__(self, session: Session, settings_icon: QIcon | None = None) -> None:
        super().__init__()
        self.setObjectName("wakebrush_panel")
        self._session = session
        self._dialog: SettingsDialog | None = None
        self._styles: StyleManager | None = None
        self._connect_dialog: ConnectDialog | None = None
        self._build(settings_icon or QIcon())
        self._arrange()
        self._connect()
        self._look = QTimer(self)
        self._look.setInterval(_LOOK_MS)
        self._look.timeout.connect(session.refresh_canvas)
        self._show_all()

    def _build(self, settings_icon: QIcon) -> None:
        settings = self._session.settings
        self._state = StateRow(settings_icon)
        self._practice = FaintSentence("practice")
        self._prompt = PromptEdit("prompt", tr("What do you want to see?"))
        self._prompt.show_text(settings.prompt)
        self._prompt.offer_words(self._session.writing.suggestions)
        self._language = FaintSentence("language_notice")
        self._style = StyleRow()
        self._strength = StrengthSlider()
        self._more = QtWidgets.QToolButton()
        self._more.setObjectName("full_view")
        self._more.setText(tr("More"))
        self._more.setCheckable(True)
        self._more.setAutoRaise(True)
        self._more.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._advanced = AdvancedSettings(settings)
        self._region = RegionBox(settings)
        self._unseen = QtWidgets.QCheckBox(tr("Hide this layer from the model"))
        self._unseen.setObjectName("unseen")
        self._unseen.setToolTip(tr("Leaves the active layer out of what is read: notes, guides, a draft"))
        self._margins = MarginsRow(settings)
        self._generate = ModeButton(self._session)
        self._cancel = QtWidgets.QPushButton(tr("Cancel"))
        self._cancel.setObjectName("cancel")
        self._machine = MachineRow()
        self._price = PriceRow()
        self._queue = QueueList()
        self._progress = QtWidgets.QProgressBar()
        self._progress.setObjectName("progress")
        self._progress.setRange(0, 1000)
        self._notice = NoticeLine()
        self._offer = OfferLine()
        self._preview = Preview()
        self._results = ResultsView(self._session.results)
        self._budget = FaintSentence("budget")

    def _arrange(self) -> None:
        self._style.row.addWidget(self._more)
        way = QtWidgets.QHBoxLayout()
        way.addWidget(self._progress, 1)
        way.addWidget(self._cancel)
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(6, 6, 2, 6)  # the scroll bar has its room on the right
        column.setSpacing(6)
        for widget in (self._state, self._machine, self._practice, self._prompt, self._language, self._style):
            column.addWidget(widget)
        for widget in (self._strength, self._advanced, self._region, self._unseen, self._margins, self._generate, self._price):
            column.addWidget(widget)
        column.addLayout(way)
        for widget in (self._notice, self._queue, self._offer):
            column.addWidget(widget)
        column.addWidget(self._preview, 1000)  # takes what is left, up to its largest height; the stretch takes the rest
        column.addWidget(self._results, 1000)
        column.addStretch(1)
        column.addWidget(self._budget)

    def _connect(self) -> None:
        session, settings = self._session, self._session.settings
        self._prompt.edited.connect(lambda text: setattr(settings, "prompt", text))
        self._style.chosen.connect(session.writing.choose)
        self._style.managed.connect(self.open_styles)
        self._strength.changed.connect(lambda percent: setattr(settings, "strength", percent))
        self._more.toggled.connect(lambda on: setattr(settings, "full_view", on))
        self._generate.pressed_to_paint.connect(session.generate)
        self._cancel.clicked.connect(lambda: session.cancel())
        self._unseen.clicked.connect(session.leave_out)
        self._state.settings_asked.connect(self.open_settings)
        self._notice.acted.connect(self._act)
        self._notice.dismissed.connect(session.dismiss_notice)
        self._offer.accepted.connect(session.results.show_offer)
        self._offer.declined.connect(session.results.discard_offer)
        self._connect_desk()
        for told in (session, session.desk, session.results):
            told.changed.connect(self._show)
        settings.changed.connect(self._show)

    def _connect_desk(self) -> None:
        desk = self._session.desk
        self._prompt.edited.connect(lambda _: desk.sign() if self._prompt.hasFocus() else None)
        self._state.details_asked.connect(self._machine.set_open)
        self._machine.wake_asked.connect(desk.wake)
        self._machine.hold_asked.connect(desk.keep_awake)
        self._machine.let_go_asked.connect(desk.let_go)
        self._machine.gather_chosen.connect(lambda on: setattr(self._session.settings, "gather", on))
        self._price.release_asked.connect(desk.release)
        self._queue.cancelled.connect(desk.cancel_row)
        self._queue.fronted.connect(desk.to_front)
        self._queue.all_cancelled.connect(lambda which: desk.cancel_all("all") if which == "all" else desk.cancel_mine())

    def open_settings(self) -> None:
        """Opens the settings beside Krita's window."""
        if self._dialog is None:
            self._dialog = SettingsDialog(self._session, self)
            self._dialog.connect_asked.connect(self.open_connect)
        self._dialog.open_with_stored()

    def open_styles(self) -> None:
        """Opens the styles beside Krita's window, at the chosen one."""
        if self._styles is None:
            self._styles = StyleManager(self._session.writing, self)
        self._styles.open_at(self._session.style.name if self._session.style else "")

    def write(self) -> None:
        """Puts the keys into the prompt."""
        self._prompt.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def event(self, event: QEvent) -> bool:
        return kept_from_krita(event) or bool(super().event(event))

    def keyPressEvent(self, event: QtGui.QKeyEvent) -> None:
        """What no field has used."""
        if event.key() == Qt.Key.Key_Escape:
            to_canvas(self)
        elif starts_a_picture(event):
            self._session.generate()
        else:
            super().keyPressEvent(event)

    def open_connect(self) -> None:
        """Opens the pairing beside Krita's window."""
        if self._connect_dialog is None:
            self._connect_dialog = ConnectDialog(self._session, self)
            self._connect_dialog.settings_asked.connect(self.open_settings)
        self._connect_dialog.open_empty()

    def _act(self, action: str) -> None:
        """What the button beside an error does."""
        deeds = {"settings": self.open_settings, "connect": self.open_connect, "update": self._session.connecting.install_update}
        deeds[action]()

    def showEvent(self, event: QtGui.QShowEvent) -> None:
        super().showEvent(event)
        self._session.refresh_canvas()
        self._look.start()

    def hideEvent(self, event: QtGui.QHideEvent) -> None:
        self._look.stop()
        super().hideEvent(event)

    def _show_all(self) -> None:
        for name in self._views():
            self._show(name)

    def _show(self, name: str) -> None:
        view = self._views().get(name)
        if view is not None:
            view()

    def _views(self) -> dict[str, Callable[[], object]]:
        """How each property is shown."""
        session, settings, desk = self._session, self._session.settings, self._session.desk
        return {
            "state_line": lambda: self._state.show_line(session.state_line),
            "practice": self._show_practice,
            "prompt": lambda: self._prompt.show_text(settings.prompt),
            "label": lambda: self._generate.setText(session.label),
            "can_generate": lambda: self._generate.setEnabled(session.can_generate),
            "strength": lambda: self._strength.show_strength(settings.strength),
            "strength_matters": self._show_strength,
            "full_view": self._show_full_view,
            "price": lambda: self._price.show_price(desk.price),
            "price_tip": lambda: self._price.show_tip(desk.price_tip),
            "release_label": lambda: self._price.show_gather(desk.release_label),
            "gather": lambda: self._machine.show_gather(settings.gather),
            "view": self._show_machine,
            "aside": lambda: self._machine.show_aside(desk.aside),
            "rows": self._show_queue,
            "admin": lambda: self._queue.show_admin(desk.admin),
            "progress": self._show_progress,
            "progress_text": lambda: self._progress.setFormat(session.progress_text),
            "notice": lambda: self._notice.show_notice(session.notice),
            "offer": lambda: self._offer.show_offer(session.results.offer),
            "preview": lambda: self._preview.show_image(session.preview),
            "styles": self._show_styles,
            "style": self._show_styles,
            "unseen": self._show_unseen,
            "in_group": lambda: self._region.show_in_group(session.in_group),
            "language_notice": lambda: self._language.show_text(session.language_notice),
            "budget": lambda: self._budget.show_text(desk.budget),
        }

    def _may_move(self, again: Callable[[], None]) -> bool:
        """Whether things may change their places: not while a mouse button is down, then `again` is called in a moment."""
        if QApplication.mouseButtons() == Qt.MouseButton.NoButton:
            return True
        QTimer.singleShot(_HELD_MS, again)
        return False

    def _show_machine(self) -> None:
        """The question whether to keep it awake pushes down what is below: not while she holds something there."""
        if not self._may_move(self._show_machine):
            return
        self._machine.show_view(self._session.desk.view)

    def _show_queue(self) -> None:
        """A row that went away while her finger is on one would move another below it."""
        if not self._may_move(self._show_queue):
            return
        self._queue.show_rows(self._session.desk.rows)

    def _show_strength(self) -> None:
        if not self._may_move(self._show_strength):
            return
        self._strength.setVisible(self._session.strength_matters)

    def _show_practice(self) -> None:
        self._practice.show_text(tr("Practice mode: sketches, no AI.") if self._session.practice else "")
        self._show_styles()

    def _show_styles(self) -> None:
        session = self._session
        self._style.show_styles(session.styles, session.style, practice=session.practice)

    def _show_unseen(self) -> None:
        unseen = self._session.unseen
        self._unseen.setEnabled(unseen is not None)
        self._unseen.setChecked(bool(unseen))

    def _show_full_view(self) -> None:
        on = self._session.settings.full_view
        self._more.setChecked(on)
        self._more.setArrowType(Qt.ArrowType.DownArrow if on else Qt.ArrowType.RightArrow)
        self._advanced.setVisible(on)
        self._region.setVisible(on)
        self._unseen.setVisible(on)
        self._queue.set_wanted(on)

    def _show_progress(self) -> None:
        progress = self._session.progress
        if progress is None and not self._may_move(self._show_progress):
            return
        appears = progress is not None and self._progress.isHidden()
        self._progress.setVisible(progress is not None)
        self._cancel.setVisible(progress is not None)
        self._progress.setValue(round((progress or 0.0) * 1000))
        if appears:
            self._progress.repaint()  # now: the region is read right after this, which may take a moment

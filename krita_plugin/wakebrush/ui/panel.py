"""The docker's contents, from the state line down to the budget. 300 pixels wide at least."""

from __future__ import annotations

from collections.abc import Callable

from ..client.model import Style
from ..i18n import tr
from ..qt import QApplication, QIcon, Qt, QtGui, QTimer, QtWidgets, QWidget
from ..session import Session
from .advanced import AdvancedSettings
from .connect_dialog import ConnectDialog
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
        self._style = QtWidgets.QComboBox()
        self._style.setObjectName("style")
        self._style.setAccessibleName(tr("Style"))
        self._style.setSizeAdjustPolicy(QtWidgets.QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self._style.setMinimumContentsLength(8)
        self._strength = StrengthSlider()
        self._more = QtWidgets.QToolButton()
        self._more.setObjectName("full_view")
        self._more.setText(tr("More"))
        self._more.setCheckable(True)
        self._more.setAutoRaise(True)
        self._more.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._advanced = AdvancedSettings(settings)
        self._region = RegionBox(settings)
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
        style_row = QtWidgets.QHBoxLayout()
        style_row.addWidget(QtWidgets.QLabel(tr("Style")))
        style_row.addWidget(self._style, 1)
        style_row.addWidget(self._more)
        way = QtWidgets.QHBoxLayout()
        way.addWidget(self._progress, 1)
        way.addWidget(self._cancel)
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(6, 6, 2, 6)  # the scroll bar has its room on the right
        column.setSpacing(6)
        for widget in (self._state, self._machine, self._practice, self._prompt):
            column.addWidget(widget)
        column.addLayout(style_row)
        for widget in (self._strength, self._advanced, self._region, self._margins, self._generate, self._price):
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
        self._prompt.submitted.connect(session.generate)
        self._style.activated.connect(self._choose_style)
        self._strength.changed.connect(lambda percent: setattr(settings, "strength", percent))
        self._more.toggled.connect(lambda on: setattr(settings, "full_view", on))
        self._generate.pressed_to_paint.connect(session.generate)
        self._cancel.clicked.connect(lambda: session.cancel())
        self._state.settings_asked.connect(self.open_settings)
        self._notice.acted.connect(self._act)
        self._notice.dismissed.connect(session.dismiss_notice)
        self._offer.accepted.connect(session.results.show_offer)
        self._offer.declined.connect(session.results.discard_offer)
        self._connect_desk()
        session.changed.connect(self._show)
        session.desk.changed.connect(self._show)
        session.results.changed.connect(self._show)
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
            "practice": lambda: self._practice.show_text(tr("Practice mode: sketches, no AI.") if session.practice else ""),
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
            "budget": lambda: self._budget.show_text(desk.budget),
        }

    def _show_machine(self) -> None:
        """The question whether to keep it awake pushes down what is below: not while she holds something there."""
        if QApplication.mouseButtons() != Qt.MouseButton.NoButton:
            QTimer.singleShot(_HELD_MS, self._show_machine)
            return
        self._machine.show_view(self._session.desk.view)

    def _show_queue(self) -> None:
        """A row that went away while her finger is on one would move another below it."""
        if QApplication.mouseButtons() != Qt.MouseButton.NoButton:
            QTimer.singleShot(_HELD_MS, self._show_queue)
            return
        self._queue.show_rows(self._session.desk.rows)

    def _show_strength(self) -> None:
        if QApplication.mouseButtons() != Qt.MouseButton.NoButton:
            QTimer.singleShot(_HELD_MS, self._show_strength)
            return
        self._strength.setVisible(self._session.strength_matters)

    def _show_full_view(self) -> None:
        on = self._session.settings.full_view
        self._more.setChecked(on)
        self._more.setArrowType(Qt.ArrowType.DownArrow if on else Qt.ArrowType.RightArrow)
        self._advanced.setVisible(on)
        self._region.setVisible(on)
        self._queue.set_wanted(on)

    def _show_progress(self) -> None:
        progress = self._session.progress
        if progress is None and QApplication.mouseButtons() != Qt.MouseButton.NoButton:
            QTimer.singleShot(_HELD_MS, self._show_progress)
            return
        appears = progress is not None and self._progress.isHidden()
        self._progress.setVisible(progress is not None)
        self._cancel.setVisible(progress is not None)
        self._progress.setValue(round((progress or 0.0) * 1000))
        if appears:
            self._progress.repaint()  # now: the region is read right after this, which may take a moment

    def _show_styles(self) -> None:
        chosen = self._session.style
        self._style.clear()
        for style in self._session.styles:
            self._style.addItem(style.title, style.name)
            self._style.setItemData(self._style.count() - 1, style_tip(style), Qt.ItemDataRole.ToolTipRole)
            if style.available is False:
                self._style.model().item(self._style.count() - 1).setEnabled(False)
        self._style.setCurrentIndex(-1 if chosen is None else self._style.findData(chosen.name))
        self._style.setEnabled(self._style.count() > 0)

    def _choose_style(self, index: int) -> None:
        name = self._style.itemData(index)
        style = next((style for style in self._session.styles if style.name == name), None)
        if style is not None and style.name != self._session.settings.style:
            self._session.settings.style = style.name
            self._session.settings.strength = round(style.default_strength * 100)


def style_tip(style: Style) -> str:
    """What a style is for, or why it cannot be used."""
    if style.barred:
        return style.barred
    if style.available is False:
        return tr("The engine lacks {models}.", models=", ".join(style.missing) or tr("a model"))
    return style.description

"""Her services, and what she needs when something does not work. Modeless: Krita goes on while it is open."""

from __future__ import annotations

from ..client import proxy
from ..client.config import checked
from ..client.errors import ServiceError
from ..client.model import Me
from ..client.profiles import Profile
from ..i18n import tr
from ..qt import QApplication, Qt, QtWidgets, QWidget, Signal
from ..session import Session
from ..version import VERSION
from .lines import Sentence
from .machine_settings import MachineSettings
from .results_settings import ResultsSettings
from .service_form import ServiceForm


class SettingsDialog(QtWidgets.QDialog):
    """A list of services with a form beside it. What is typed is kept with OK; adding, using and removing happen at once."""

    connect_asked = Signal()

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._connecting = session.connecting
        self.setObjectName("wakebrush_settings")
        self.setWindowTitle(tr("Wakebrush settings"))
        self.setMinimumWidth(460)
        self._list = QtWidgets.QListWidget()
        self._list.setObjectName("services")
        self._list.setAccessibleName(tr("Services"))
        self._list.setMaximumHeight(8 * self.fontMetrics().lineSpacing())
        self._form = ServiceForm()
        self._answer = Sentence("settings_answer")
        self._answer.setMinimumHeight(2 * self._answer.fontMetrics().lineSpacing())
        self._pair, self._add = _button("settings_pair", tr("Connect…")), _button("service_add", tr("Add by token"))
        self._use, self._remove = _button("service_use", tr("Use")), _button("service_remove", tr("Remove"))
        self._test = _button("test_connection", tr("Test the connection"))
        self._report = _button("copy_report", tr("Copy a report"))
        self._report.setToolTip(tr("Versions, connection, last log lines, for whoever helps you; no token, no prompt"))
        self._update = _button("install_update", "")
        self._arrange()
        self._list.currentRowChanged.connect(lambda _: self._show_service())
        self._pair.clicked.connect(lambda: self._to_connect())
        self._add.clicked.connect(lambda: self._new())
        self._use.clicked.connect(lambda: self._use_shown())
        self._remove.clicked.connect(lambda: self._remove_shown())
        self._test.clicked.connect(lambda: self._try())
        self._report.clicked.connect(lambda: self._copy_report())
        self._update.clicked.connect(lambda: self._connecting.install_update())
        self._connecting.changed.connect(lambda _: self._show_offer())
        self._show_offer()

    def _arrange(self) -> None:
        beside = QtWidgets.QVBoxLayout()
        for button in (self._pair, self._add, self._use, self._remove):
            beside.addWidget(button)
        beside.addStretch(1)
        services = QtWidgets.QHBoxLayout()
        services.addWidget(self._list, 1)
        services.addLayout(beside)
        tools = QtWidgets.QHBoxLayout()
        tools.addWidget(self._test)
        tools.addStretch(1)
        tools.addWidget(self._report)
        column = QtWidgets.QVBoxLayout(self)
        column.addLayout(services)
        column.addWidget(self._form)
        column.addLayout(tools)
        column.addWidget(self._answer, 1)
        column.addWidget(ResultsSettings(self._session.settings))
        column.addWidget(MachineSettings(self._session.settings))
        versions = QtWidgets.QHBoxLayout()
        versions.addWidget(QtWidgets.QLabel(tr("Wakebrush plugin {version}", version=VERSION)))
        versions.addWidget(self._update)
        versions.addStretch(1)
        column.addLayout(versions)
        column.addWidget(self._buttons())

    def _buttons(self) -> QtWidgets.QDialogButtonBox:
        kinds = QtWidgets.QDialogButtonBox.StandardButton
        box = QtWidgets.QDialogButtonBox(kinds.Ok | kinds.Cancel)
        box.button(kinds.Ok).setObjectName("settings_ok")
        box.button(kinds.Cancel).setObjectName("settings_cancel")
        box.accepted.connect(self._accept)
        box.rejected.connect(self.reject)
        return box

    def open_with_stored(self) -> None:
        """Shows what is stored now."""
        self._show_list(self._connecting.profiles.active.id)
        self._say(self._connecting.decided_elsewhere)
        self.show()
        self.raise_()
        self.activateWindow()

    @property
    def _shown(self) -> Profile | None:
        """The service in the form; None for one that is being added."""
        item = self._list.currentItem()
        return None if item is None else self._connecting.profiles.get(str(item.data(Qt.ItemDataRole.UserRole)))

    def _show_list(self, selected: str) -> None:
        profiles = self._connecting.profiles
        self._list.blockSignals(True)
        self._list.clear()
        for profile in profiles.all:
            name = tr("{name} (in use)", name=profile.name) if profile == profiles.active else profile.name
            item = QtWidgets.QListWidgetItem(name)
            item.setData(Qt.ItemDataRole.UserRole, profile.id)
            self._list.addItem(item)
            if profile.id == selected:
                self._list.setCurrentItem(item)
        self._list.blockSignals(False)
        self._add.setEnabled(not (profiles.central.only and profiles.central.endpoint))
        self._show_service()

    def _show_service(self) -> None:
        profile, profiles = self._shown, self._connecting.profiles
        self._use.setEnabled(profile is not None and profile != profiles.active)
        self._remove.setEnabled(profile is not None and not profile.locked)
        if profile is None:
            self._form.show_new()
            return
        self._form.show_profile(profile, has_token=bool(profiles.token(profile)), locked_by=profiles.central.path)

    def _show_offer(self) -> None:
        offer = self._connecting.offer
        self._update.setHidden(offer is None)
        self._update.setText("" if offer is None else tr("Install version {version}", version=offer.version))

    def _new(self) -> None:
        self._list.setCurrentRow(-1)
        self._show_service()
        self._form.focus_address()

    def _use_shown(self) -> None:
        if (profile := self._shown) is not None:
            self._connecting.use(profile.id)
            self._show_list(profile.id)

    def _remove_shown(self) -> None:
        if (profile := self._shown) is not None:
            self._connecting.remove(profile.id)
            self._show_list(self._connecting.profiles.active.id)

    def _accept(self) -> None:
        try:
            entered = self._entered()
        except ServiceError as error:
            self._say(str(error))
            return
        profile = self._shown
        if profile is None and entered.endpoint:
            self._connecting.add(entered)
        elif profile is not None and not profile.locked and entered != profile:
            changes = {name: getattr(entered, name) for name in ("name", "endpoint", "token", "proxy", "authority")}
            self._connecting.change(profile.id, **changes)
        self.accept()

    def _entered(self) -> Profile:
        """The form's service, with the token that is stored where none was typed. Raises ServiceError."""
        profile = self._shown
        if profile is not None and profile.locked:
            return profile
        entered = self._form.entered(profile)
        if entered.endpoint:
            checked(entered.endpoint)
        if entered.proxy not in (proxy.AUTOMATIC, proxy.NONE):
            proxy.checked(entered.proxy)
        return entered

    def _try(self) -> None:
        try:
            entered = self._entered()
        except ServiceError as error:
            self._say(str(error))
            return
        self._test.setEnabled(False)
        self._say(tr("Asking the service …"))
        self._connecting.test(entered, self._works, self._works_not)

    def _works(self, me: Me) -> None:
        self._test.setEnabled(True)
        self._say(tr("It works: {artist}, team {team}.", artist=me.artist, team=me.team))

    def _works_not(self, error: Exception) -> None:
        self._test.setEnabled(True)
        self._say(str(error))

    def _copy_report(self) -> None:
        QApplication.clipboard().setText(self._connecting.report())
        self._say(tr("The report is in the clipboard. Paste it where you ask for help."))

    def _to_connect(self) -> None:
        self.reject()
        self.connect_asked.emit()

    def _say(self, sentence: str) -> None:
        self._answer.setText(sentence)


def _button(name: str, text: str) -> QtWidgets.QPushButton:
    button = QtWidgets.QPushButton(text)
    button.setObjectName(name)
    button.setAutoDefault(False)
    return button

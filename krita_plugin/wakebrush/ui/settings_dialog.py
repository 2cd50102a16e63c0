"""Where the service is, and the token for it. Modeless: Krita goes on while it is open."""

from __future__ import annotations

from ..client.config import checked
from ..client.errors import ServiceError
from ..client.model import Me
from ..i18n import tr
from ..qt import Qt, QtWidgets, QWidget
from ..session import Session
from ..version import VERSION
from .lines import Sentence
from .machine_settings import MachineSettings


class SettingsDialog(QtWidgets.QDialog):
    """Endpoint and token, and a test that says in a sentence whether they work. Empty fields: the service on this computer."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.setObjectName("wakebrush_settings")
        self.setWindowTitle(tr("Wakebrush settings"))
        self.setMinimumWidth(420)
        self._endpoint = _field("endpoint", tr("empty: the service on this computer"))
        self._token = _field("token", tr("from your admin, or from “wakebrush token create”"))
        self._token.setEchoMode(QtWidgets.QLineEdit.EchoMode.Password)
        self._answer = Sentence("settings_answer")
        self._answer.setMinimumHeight(2 * self._answer.fontMetrics().lineSpacing())
        self._test = QtWidgets.QPushButton(tr("Test the connection"))
        self._test.setObjectName("test_connection")
        self._test.clicked.connect(self._try)
        form = QtWidgets.QFormLayout()
        form.addRow(tr("Address"), self._endpoint)
        form.addRow(tr("Token"), self._token)
        column = QtWidgets.QVBoxLayout(self)
        column.addLayout(form)
        column.addWidget(self._test, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(self._answer, 1)
        column.addWidget(MachineSettings(session.settings))
        column.addWidget(QtWidgets.QLabel(tr("Wakebrush plugin {version}", version=VERSION)))
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
        self._endpoint.setText(self._session.store.read("endpoint"))
        self._token.setText(self._session.store.read("token"))
        self._answer.setText("")
        self.show()
        self.raise_()
        self.activateWindow()

    def _accept(self) -> None:
        address = self._endpoint.text().strip()
        try:
            address = checked(address) if address else ""
        except ServiceError as error:
            self._say(str(error))
            return
        self._session.store.write("endpoint", address)
        self._session.store.write("token", self._token.text().strip())
        self._session.reconnect()
        self.accept()

    def _try(self) -> None:
        self._test.setEnabled(False)
        self._say(tr("Asking the service …"))
        self._session.test_connection(self._endpoint.text(), self._token.text(), self._works, self._works_not)

    def _works(self, me: Me) -> None:
        self._test.setEnabled(True)
        self._say(tr("It works: {artist}, team {team}.", artist=me.artist, team=me.team))

    def _works_not(self, error: Exception) -> None:
        self._test.setEnabled(True)
        self._say(str(error))

    def _say(self, sentence: str) -> None:
        self._answer.setText(sentence)


def _field(name: str, placeholder: str) -> QtWidgets.QLineEdit:
    field = QtWidgets.QLineEdit()
    field.setObjectName(name)
    field.setPlaceholderText(placeholder)
    return field

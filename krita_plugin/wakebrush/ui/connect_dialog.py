"""Pairing this computer: paste an invitation, or type its code. Modeless: Krita goes on while it is open."""

from __future__ import annotations

from ..client.errors import ServiceError
from ..client.profiles import Profile
from ..i18n import tr
from ..qt import Qt, QtWidgets, QWidget, Signal
from ..session import Session
from .lines import Sentence


class ConnectDialog(QtWidgets.QDialog):
    """One field is enough for a link; a code alone shows where it would be sent, which can be changed."""

    settings_asked = Signal()

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.setObjectName("wakebrush_connect")
        self.setWindowTitle(tr("Connect Krita"))
        self.setMinimumWidth(380)
        self._invitation = QtWidgets.QLineEdit()
        self._invitation.setObjectName("invitation")
        self._invitation.setPlaceholderText("https://…/invite#ABCD-EFGH")
        self._address_label = QtWidgets.QLabel(tr("Address"))
        self._address = QtWidgets.QLineEdit()
        self._address.setObjectName("pair_address")
        self._address_label.setBuddy(self._address)
        self._answer = Sentence("connect_answer")
        self._answer.setMinimumHeight(2 * self._answer.fontMetrics().lineSpacing())
        self._pair = QtWidgets.QPushButton(tr("Pair"))
        self._pair.setObjectName("pair")
        self._pair.setDefault(True)
        self._token = QtWidgets.QPushButton(tr("I have a token…"))
        self._token.setObjectName("pair_token")
        self._token.setAutoDefault(False)
        close = QtWidgets.QPushButton(tr("Close"))
        close.setObjectName("connect_close")
        close.setAutoDefault(False)
        self._arrange(close)
        self._invitation.textChanged.connect(lambda _: self._show_address())
        self._pair.clicked.connect(lambda: self._begin())
        self._token.clicked.connect(lambda: self._to_settings())
        close.clicked.connect(lambda: self.reject())

    def _arrange(self, close: QtWidgets.QPushButton) -> None:
        words = Sentence("connect_words")
        words.setText(tr("Paste the invitation that you were given, or type its code. “wakebrush invite” makes one."))
        column = QtWidgets.QVBoxLayout(self)
        column.addWidget(words)
        column.addWidget(self._invitation)
        where = QtWidgets.QHBoxLayout()
        where.addWidget(self._address_label)
        where.addWidget(self._address, 1)
        column.addLayout(where)
        column.addWidget(self._answer, 1)
        buttons = QtWidgets.QHBoxLayout()
        for button in (self._token, close, self._pair):
            buttons.addWidget(button)
        buttons.insertStretch(1, 1)
        column.addLayout(buttons)

    def open_empty(self) -> None:
        """Shows it, ready for an invitation."""
        self._invitation.clear()
        self._say("")
        self._address.setPlaceholderText(self._session.connecting.profiles.active.endpoint or tr("the service on this computer"))
        self._show_address()
        self.show()
        self.raise_()
        self.activateWindow()
        self._invitation.setFocus(Qt.FocusReason.OtherFocusReason)

    def _show_address(self) -> None:
        needed = bool(self._invitation.text().strip()) and "#" not in self._invitation.text()
        self._address.setVisible(needed)
        self._address_label.setVisible(needed)

    def _begin(self) -> None:
        self._pair.setEnabled(False)
        self._say(tr("Asking the service …"))
        address = self._address.text() if not self._address.isHidden() else ""
        self._session.connecting.pair(self._invitation.text(), address, self._works, self._works_not)

    def _works(self, profile: Profile) -> None:
        self._pair.setEnabled(True)
        self._invitation.clear()
        paired = tr("Paired: {artist}, team {team}. Happy painting.", artist=profile.artist, team=profile.team)
        self._say(f"{paired} {self._session.connecting.decided_elsewhere}".strip())

    def _works_not(self, error: Exception) -> None:
        self._pair.setEnabled(True)
        if isinstance(error, ServiceError) and error.code == "no_service":
            self._say(tr("A code needs the address of its service. Type it below the code."))
        else:
            self._say(str(error))

    def _to_settings(self) -> None:
        self.reject()
        self.settings_asked.emit()

    def _say(self, sentence: str) -> None:
        self._answer.setText(sentence)

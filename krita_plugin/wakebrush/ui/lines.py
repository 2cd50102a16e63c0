"""The docker's lines: state, error, offer."""

from __future__ import annotations

from ..i18n import tr
from ..qt import QEvent, QObject, QPainter, QSize, Qt, QtGui, QtWidgets, QWidget, Signal
from ..session.state_line import StateLine
from ..session.words import Notice
from .theme import dot_colour, faint


class Dot(QWidget):
    """The coloured dot of the state line."""

    def __init__(self) -> None:
        super().__init__()
        self._state = "off"
        self.setFixedSize(10, 10)

    def show_state(self, state: str) -> None:
        self._state = state
        self.update()

    def paintEvent(self, event: QtGui.QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(dot_colour(self._state, self))
        painter.drawEllipse(self.rect().adjusted(1, 1, -1, -1))


class Sentence(QtWidgets.QLabel):
    """Text that wraps at any width and can be copied with the mouse."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setObjectName(name)
        self.setWordWrap(True)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setSizePolicy(QtWidgets.QSizePolicy.Policy.Ignored, QtWidgets.QSizePolicy.Policy.Preferred)
        self.setMinimumWidth(40)


class FaintSentence(Sentence):
    """A sentence that may be overlooked; hidden while it is empty."""

    def show_text(self, text: str) -> None:
        self.setText(text)
        self.setHidden(not text)

    def paintEvent(self, event: QtGui.QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setPen(faint(self))
        painter.drawText(self.contentsRect(), int(Qt.TextFlag.TextWordWrap), self.text())


class OneLine(QtWidgets.QLabel):
    """Text on one line, cut off at the end where there is no room for it. `is_faint`: it may be overlooked."""

    def __init__(self, name: str, *, is_faint: bool = False) -> None:
        super().__init__()
        self._is_faint = is_faint
        self.setObjectName(name)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setSizePolicy(QtWidgets.QSizePolicy.Policy.Ignored, QtWidgets.QSizePolicy.Policy.Preferred)
        self.setMinimumWidth(40)

    def paintEvent(self, event: QtGui.QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setPen(faint(self) if self._is_faint else self.palette().color(self.foregroundRole()))
        text = self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, self.width())
        painter.drawText(self.contentsRect(), int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft), text)


class StateRow(QWidget):
    """One dot, one sentence, the details behind them, and the way to the settings. `details_asked(on)`."""

    settings_asked = Signal()
    details_asked = Signal(bool)

    def __init__(self, icon: QtGui.QIcon) -> None:
        super().__init__()
        self._dot = Dot()
        self._sentence = Sentence("state_line")
        self._sentence.setCursor(Qt.CursorShape.PointingHandCursor)
        self._sentence.installEventFilter(self)
        self._details = QtWidgets.QToolButton()
        self._details.setObjectName("details")
        self._details.setAutoRaise(True)
        self._details.setCheckable(True)
        self._details.setArrowType(Qt.ArrowType.RightArrow)
        self._details.setToolTip(tr("The machines, and what may be done with them"))
        self._details.setAccessibleName(tr("Details"))
        self._details.toggled.connect(self._toggled)
        button = QtWidgets.QToolButton()
        button.setObjectName("settings")
        button.setAutoRaise(True)
        button.setToolTip(tr("Settings: address and token of the service"))
        button.setAccessibleName(tr("Settings"))
        if icon.isNull():
            button.setText("…")
        else:
            button.setIcon(icon)
            button.setIconSize(QSize(16, 16))
        button.clicked.connect(lambda: self.settings_asked.emit())
        row = QtWidgets.QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self._dot)
        row.addWidget(self._sentence, 1)
        row.addWidget(self._details)
        row.addWidget(button)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """A click on the sentence opens the details, too."""
        if event.type() == QEvent.Type.MouseButtonRelease:
            self._details.toggle()
        return bool(super().eventFilter(watched, event))

    def _toggled(self, on: bool) -> None:
        self._details.setArrowType(Qt.ArrowType.DownArrow if on else Qt.ArrowType.RightArrow)
        self.details_asked.emit(on)

    def show_line(self, line: StateLine) -> None:
        self._dot.show_state(line.dot)
        self._sentence.setText(line.sentence)


class NoticeLine(QtWidgets.QFrame):
    """What went wrong and what to do about it."""

    dismissed = Signal()
    acted = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self._action, self._good = "", False
        self.setObjectName("error_line")
        self.setFrameShape(QtWidgets.QFrame.Shape.StyledPanel)
        self._title, self._hint = Sentence("error_title"), Sentence("error_hint")
        bold = self._title.font()
        bold.setBold(True)
        self._title.setFont(bold)
        self._settings = QtWidgets.QPushButton()
        self._settings.setObjectName("error_settings")
        self._settings.clicked.connect(lambda: self.acted.emit(self._action))
        close = QtWidgets.QToolButton()
        close.setObjectName("error_close")
        close.setAutoRaise(True)
        close.setText("×")
        close.setAccessibleName(tr("Close this message"))
        close.clicked.connect(lambda: self.dismissed.emit())
        grid = QtWidgets.QGridLayout(self)
        grid.setContentsMargins(8, 6, 4, 6)
        grid.setVerticalSpacing(2)
        grid.setColumnStretch(0, 1)
        grid.addWidget(self._title, 0, 0)
        grid.addWidget(close, 0, 1, Qt.AlignmentFlag.AlignTop)
        grid.addWidget(self._hint, 1, 0, 1, 2)
        grid.addWidget(self._settings, 2, 0, Qt.AlignmentFlag.AlignLeft)
        self.hide()

    def text(self) -> str:
        """All of it, as it is read."""
        return f"{self._title.text()} {self._hint.text()}".strip() if not self.isHidden() else ""

    def show_notice(self, notice: Notice | None) -> None:
        self.setHidden(notice is None)
        if notice is not None:
            self._title.setText(notice.title)
            self._hint.setText(notice.hint)
            self._hint.setVisible(bool(notice.hint))
            self._action, self._good = notice.action, notice.good
            words = {"settings": tr("Open the settings"), "connect": tr("Connect…"), "update": tr("Install")}
            self._settings.setText(words.get(notice.action, ""))
            self._settings.setVisible(notice.action in words)

    def paintEvent(self, event: QtGui.QPaintEvent) -> None:
        super().paintEvent(event)
        painter = QPainter(self)
        painter.fillRect(0, 0, 3, self.height(), dot_colour("ready" if self._good else "trouble", self))


class OfferLine(QWidget):
    """Finished pictures that wait for her word."""

    accepted = Signal()
    declined = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("offer")
        self._sentence = Sentence("offer_sentence")
        show, discard = QtWidgets.QPushButton(tr("Show")), QtWidgets.QPushButton(tr("Discard"))
        show.setObjectName("offer_show")
        discard.setObjectName("offer_discard")
        show.clicked.connect(lambda: self.accepted.emit())
        discard.clicked.connect(lambda: self.declined.emit())
        grid = QtWidgets.QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.addWidget(self._sentence, 0, 0, 1, 2)
        grid.addWidget(show, 1, 0)
        grid.addWidget(discard, 1, 1)
        self.hide()

    def show_offer(self, sentence: str) -> None:
        self.setHidden(not sentence)
        self._sentence.setText(sentence)

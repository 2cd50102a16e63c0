"""The button that paints, with what else it could do in a menu."""

from __future__ import annotations

from ..canvas.plan import Task
from ..i18n import tr
from ..qt import QEvent, Qt, QtWidgets, Signal
from ..session import Session
from ..session.modes import possible, tip


class ModeButton(QtWidgets.QToolButton):
    """`pressed_to_paint()`: paint now. The menu sets what is painted; its first entry leaves that to canvas and strength."""

    pressed_to_paint = Signal()

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self.setObjectName("generate")
        self.setPopupMode(QtWidgets.QToolButton.ToolButtonPopupMode.MenuButtonPopup)
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextOnly)
        self.setSizePolicy(QtWidgets.QSizePolicy.Policy.Expanding, QtWidgets.QSizePolicy.Policy.Fixed)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumWidth(60)
        self._menu = QtWidgets.QMenu(self)
        self._menu.setObjectName("tasks")
        self._menu.setToolTipsVisible(True)
        self._actions = {"": self._entry("", tr("As the canvas says"), tr("Fills what is selected, refines what is there"))}
        self._menu.addSeparator()
        for task in Task:
            self._actions[task.value] = self._entry(task.value, task.label, tip(task))
        self.setMenu(self._menu)
        self._menu.aboutToShow.connect(self.refresh)
        self.clicked.connect(lambda: self.pressed_to_paint.emit())
        self.refresh()

    def refresh(self) -> None:
        """Shows which task is chosen, and which have something to work on now."""
        there = {task.value for task in possible(self._session.facts)}
        for value, action in self._actions.items():
            action.setEnabled(value in there or value == "")
            action.setChecked(value == self._session.settings.task)

    def event(self, event: QEvent) -> bool:
        """The tool tip is the plan, made when it is looked at: it may take some tens of milliseconds."""
        if event.type() == QEvent.Type.ToolTip and self.isEnabled():
            self.setToolTip(self._session.describe() + "\n" + tr("Ctrl+Enter in the prompt does the same"))
        return bool(super().event(event))

    def _choose(self, value: str) -> None:
        self._session.settings.task = value
        self.refresh()

    def _entry(self, value: str, text: str, sentence: str) -> QtWidgets.QAction:
        action = self._menu.addAction(text)
        action.setObjectName(f"task_{value or 'usual'}")
        action.setCheckable(True)
        action.setToolTip(sentence)
        action.triggered.connect(lambda: self._choose(value))
        return action

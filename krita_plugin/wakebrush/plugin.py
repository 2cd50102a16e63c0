"""The plugin inside Krita: one session, and a docker in each window."""

from __future__ import annotations

import sys

from krita import DockWidget, DockWidgetFactory, DockWidgetFactoryBase, Extension, Krita, Window

from .canvas.krita_canvas import KritaCanvas
from .i18n import choose, tr
from .qt import QApplication, QLocale, QTimer
from .session import Session
from .ui.actions import ACTIONS, Action, panel_in
from .ui.first_look import DOCKER_ID, show_once
from .ui.panel import Panel
from .ui.scroll import ScrollArea

_GROUP = "wakebrush"
#: Krita restores the places of its dockers after a window was made; so long it may take, in milliseconds.
_RESTORED_MS = 300

#: How soon Krita's GUI thread gets Python's lock back from a thread that computes, in seconds. Python's own 5 ms are waited for
#: several times in one turn of the event loop.
_LOCK_SECONDS = 0.0005

#: Where Krita shows the actions.
_MENU = "tools/scripts/wakebrush"

_session: Session | None = None


class KritaStore:
    """Krita's own settings file as a store of small texts."""

    def read(self, key: str) -> str:
        return str(Krita.instance().readSetting(_GROUP, key, ""))

    def write(self, key: str, value: str) -> None:
        Krita.instance().writeSetting(_GROUP, key, value)


class WakebrushDocker(DockWidget):
    """Krita makes one of these for each of its windows."""

    def __init__(self) -> None:
        super().__init__()
        self.setWindowTitle(tr("Wakebrush"))
        self.panel = Panel(session(), Krita.instance().icon("configure"))
        self.setWidget(ScrollArea(self.panel))

    def canvasChanged(self, canvas: object) -> None:
        """Krita calls this when another view comes to the front; `canvas` may be None.

        It is in the middle of that: Krita 6 handles events when it is asked for the active layer, and crashes over a view that is
        half gone. So the look waits until it is done.
        """
        del canvas
        QTimer.singleShot(0, session().refresh_canvas)


class WakebrushActions(Extension):
    """Krita asks for the actions of each of its windows."""

    def setup(self) -> None:
        """Nothing to do once for all windows."""

    def createActions(self, window: Window) -> None:
        for each in ACTIONS:
            action = window.createAction(each.name, tr(each.text), _MENU)
            action.setText(tr(each.text))  # Krita has taken the English one from wakebrush.action
            action.triggered.connect(lambda _=False, each=each: _do(each))


def _do(action: Action) -> None:
    """In the window that she has pressed the keys in. (What createActions is given does not outlive that call.)"""
    window = Krita.instance().activeWindow()
    action.do(session(), None if window is None else panel_in(window.qwindow()))


def session() -> Session:
    """The session of this Krita, started when the first docker is made."""
    global _session
    if _session is None:
        _session = Session(KritaCanvas(), KritaStore(), host=f"Krita {Krita.instance().version()}")
        QApplication.instance().aboutToQuit.connect(_session.stop)
        _session.start()
    return _session


def register() -> None:
    """Tells Krita about the docker and the actions."""
    sys.setswitchinterval(min(_LOCK_SECONDS, sys.getswitchinterval()))
    choose([*filter(None, [KritaStore().read("language")]), QLocale().name(), *QLocale().uiLanguages()])
    position = getattr(DockWidgetFactoryBase, "DockPosition", DockWidgetFactoryBase).DockRight
    Krita.instance().addDockWidgetFactory(DockWidgetFactory(DOCKER_ID, position, WakebrushDocker))
    Krita.instance().addExtension(WakebrushActions(Krita.instance()))
    notifier = Krita.instance().notifier()
    notifier.setActive(True)
    notifier.windowCreated.connect(lambda: QTimer.singleShot(_RESTORED_MS, _look))


def _look() -> None:
    """The newest window's docker, where she finds it."""
    windows = [window.qwindow() for window in Krita.instance().windows()]
    if windows and windows[-1] is not None:
        show_once(windows[-1], KritaStore())

"""The plugin inside Krita: one session, and a docker in each window."""

from __future__ import annotations

from krita import DockWidget, DockWidgetFactory, DockWidgetFactoryBase, Krita

from .canvas.krita_canvas import KritaCanvas
from .i18n import choose, tr
from .qt import QApplication, QLocale, QTimer
from .session import Session
from .ui.first_look import DOCKER_ID, show_once
from .ui.panel import Panel
from .ui.scroll import ScrollArea

_GROUP = "wakebrush"
#: Krita restores the places of its dockers after a window was made; so long it may take, in milliseconds.
_RESTORED_MS = 300

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
        """Krita calls this when another view comes to the front; `canvas` may be None."""
        del canvas
        session().refresh_canvas()


def session() -> Session:
    """The session of this Krita, started when the first docker is made."""
    global _session
    if _session is None:
        _session = Session(KritaCanvas(), KritaStore())
        QApplication.instance().aboutToQuit.connect(_session.stop)
        _session.start()
    return _session


def register() -> None:
    """Tells Krita about the docker."""
    choose([*filter(None, [KritaStore().read("language")]), QLocale().name(), *QLocale().uiLanguages()])
    position = getattr(DockWidgetFactoryBase, "DockPosition", DockWidgetFactoryBase).DockRight
    Krita.instance().addDockWidgetFactory(DockWidgetFactory(DOCKER_ID, position, WakebrushDocker))
    notifier = Krita.instance().notifier()
    notifier.setActive(True)
    notifier.windowCreated.connect(lambda: QTimer.singleShot(_RESTORED_MS, _look))


def _look() -> None:
    """The newest window's docker, where she finds it."""
    windows = [window.qwindow() for window in Krita.instance().windows()]
    if windows and windows[-1] is not None:
        show_once(windows[-1], KritaStore())

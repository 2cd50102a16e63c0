"""Where the docker is found when Krita starts with it for the first time."""

from __future__ import annotations

from ..client.store import KeyValueStore
from ..qt import QTimer, QtWidgets

DOCKER_ID = "wakebrush_docker"
#: Krita's name for its Layers docker: always there, and high enough for a prompt.
_LAYERS = "KisLayerBox"
_SHOWN = "shown"


def show_once(window: QtWidgets.QMainWindow, store: KeyValueStore) -> None:
    """Puts the docker in front of the Layers docker, as a tab. Only once: afterwards it stays where she puts it.

    While the Layers docker is hidden (Krita 6 hides all of them on its welcome page), that waits until it is seen.
    """
    docker = window.findChild(QtWidgets.QDockWidget, DOCKER_ID)
    if docker is None or store.read(_SHOWN):
        return
    layers = window.findChild(QtWidgets.QDockWidget, _LAYERS)
    if layers is not None and not layers.isVisible():
        layers.visibilityChanged.connect(lambda seen: QTimer.singleShot(0, lambda: _now(window, store)) if seen else None)
        return
    _now(window, store)


def _now(window: QtWidgets.QMainWindow, store: KeyValueStore) -> None:
    docker = window.findChild(QtWidgets.QDockWidget, DOCKER_ID)
    layers = window.findChild(QtWidgets.QDockWidget, _LAYERS)
    if docker is None or store.read(_SHOWN):
        return
    if layers is not None and not layers.isFloating():
        window.tabifyDockWidget(layers, docker)
    docker.show()
    docker.raise_()
    store.write(_SHOWN, "true")

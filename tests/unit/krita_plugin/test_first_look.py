"""On the first start the docker is in front of the Layers docker; later it is where she put it."""

from __future__ import annotations

import pytest
from pytestqt.qtbot import QtBot

from wakebrush.client.store import MemoryStore
from wakebrush.qt import Qt, QtWidgets
from wakebrush.ui.first_look import DOCKER_ID, show_once


def dock(window: QtWidgets.QMainWindow, name: str) -> QtWidgets.QDockWidget:
    made = QtWidgets.QDockWidget(name, window)
    made.setObjectName(name)
    window.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, made)
    return made


@pytest.fixture
def window(qtbot: QtBot) -> QtWidgets.QMainWindow:
    made = QtWidgets.QMainWindow()
    qtbot.addWidget(made)
    made.setCentralWidget(QtWidgets.QWidget())
    dock(made, "KisLayerBox")
    dock(made, DOCKER_ID)
    made.show()
    return made


def find(window: QtWidgets.QMainWindow, name: str) -> QtWidgets.QDockWidget:
    found = window.findChild(QtWidgets.QDockWidget, name)
    assert isinstance(found, QtWidgets.QDockWidget)
    return found


def test_the_first_start_shows_it_in_front_of_the_layers(window: QtWidgets.QMainWindow, qtbot: QtBot) -> None:
    docker = find(window, DOCKER_ID)
    docker.hide()
    show_once(window, MemoryStore())
    assert window.tabifiedDockWidgets(find(window, "KisLayerBox")) == [docker]
    qtbot.waitUntil(lambda: not docker.visibleRegion().isEmpty())


def test_a_later_start_leaves_it_where_she_put_it(window: QtWidgets.QMainWindow) -> None:
    store, docker = MemoryStore(), find(window, DOCKER_ID)
    show_once(window, store)
    window.addDockWidget(Qt.DockWidgetArea.LeftDockWidgetArea, docker)
    docker.hide()
    show_once(window, store)
    assert docker.isHidden() and window.dockWidgetArea(docker) == Qt.DockWidgetArea.LeftDockWidgetArea


def test_hidden_layers_are_waited_for(window: QtWidgets.QMainWindow, qtbot: QtBot) -> None:
    store, docker, layers = MemoryStore(), find(window, DOCKER_ID), find(window, "KisLayerBox")
    layers.hide()
    show_once(window, store)
    assert store.read("shown") == ""
    layers.show()
    qtbot.waitUntil(lambda: window.tabifiedDockWidgets(layers) == [docker])
    assert store.read("shown") == "true"


def test_a_window_without_the_docker_leaves_the_first_look_for_later(window: QtWidgets.QMainWindow) -> None:
    store = MemoryStore()
    find(window, DOCKER_ID).setObjectName("gone")
    show_once(window, store)
    assert store.read("shown") == ""

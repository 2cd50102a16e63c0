"""What the plugin's tests share. Qt draws off the screen; the data folder is the test's own."""

from __future__ import annotations

import os

os.environ["QT_QPA_PLATFORM"] = "offscreen"

import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from wakebrush.client.store import MemoryStore
from wakebrush.qt import QBuffer, QByteArray, QImage, QIODevice, Qt
from wakebrush.session import Session

from .fake_canvas import FakeCanvas
from .fake_service import FakeService


@pytest.fixture
def service() -> Iterator[FakeService]:
    with FakeService() as running:
        yield running


@pytest.fixture
def canvas() -> FakeCanvas:
    return FakeCanvas()


@pytest.fixture
def picture() -> bytes:
    """A PNG file of 64 × 64 pixels."""
    image = QImage(64, 64, QImage.Format.Format_RGB32)
    image.fill(Qt.GlobalColor.blue)
    content = QByteArray()
    buffer = QBuffer(content)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    assert image.save(buffer, "PNG")
    return bytes(content)


def still_running() -> list[str]:
    """Where the plugin's threads are now."""
    frames = sys._current_frames()
    threads = [thread for thread in threading.enumerate() if thread.name.startswith("wakebrush-") and thread.ident in frames]
    return [f"{thread.name}: {''.join(traceback.format_stack(frames[thread.ident]))}" for thread in threads]


@pytest.fixture
def kept_modules() -> Iterator[None]:
    """What a plugin that takes the place of another forgets is known again afterwards: the other tests hold its classes."""
    before = dict(sys.modules)
    yield
    sys.modules.update(before)


@pytest.fixture
def new_session(qapp: object, tmp_path: Path, canvas: FakeCanvas) -> Iterator[Callable[..., Session]]:
    """Makes sessions with the test's data folder, started, and stops them."""
    sessions: list[Session] = []

    def make(
        service: FakeService | None = None,
        environ: dict[str, str] | None = None,
        clock: Callable[[], float] = time.monotonic,
        store: MemoryStore | None = None,
    ) -> Session:
        known = {"WAKEBRUSH_DATA": str(tmp_path), **(service.environ if service else {}), **(environ or {})}
        known.setdefault("XDG_CONFIG_DIRS", str(tmp_path / "etc"))
        session = Session(canvas, store or MemoryStore(), environ=known, clock=clock)
        sessions.append(session)
        session.refresh_canvas()
        session.start()
        return session

    yield make
    for session in sessions:
        assert session.stop(), f"a thread outlived the session: {still_running()}"

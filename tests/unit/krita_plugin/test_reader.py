"""Picture files are read by several threads at once. In a process of its own: what is promised not to happen has no way back."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from wakebrush.canvas.reader import read
from wakebrush.qt import BINDING, QByteArray

PLUGIN = Path(__file__).parents[3] / "krita_plugin"
SECONDS = 60
#: So many pictures a thread; without canRead all stood still within the first few hundred.
TURNS = 2000

AT_ONCE = f"""
import importlib, sys, threading
importlib.import_module("{BINDING}.QtGui")
sys.path.insert(0, {str(PLUGIN)!r})
sys.setswitchinterval(0.0005)
from wakebrush.canvas.resample import decoded, scaled
from wakebrush.qt import QImage
from wakebrush.session.pictures import decode, encode

image = QImage(40, 30, QImage.Format.Format_RGB32)
image.fill(7)
content = encode(image)
works = (lambda: decode(content), lambda: decoded(content, 20, 15), lambda: scaled(image, 20, 15), lambda: encode(image))
threads = [threading.Thread(target=lambda work=work: [work() for _ in range({TURNS})]) for work in works]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""


def test_threads_that_read_and_write_pictures_at_once_never_wait_for_each_other_for_ever() -> None:
    done = subprocess.run([sys.executable, "-c", AT_ONCE], timeout=SECONDS, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("content", [b"", b"\x89PNG\r\n\x1a\n", b"no picture at all" * 100])
def test_what_is_no_picture_is_said_not_to_be_one(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        read(QByteArray(content))

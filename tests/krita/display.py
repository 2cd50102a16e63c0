"""A screen of its own for each Krita, and the hand that points and types on it."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

SCREEN = "1600x1000x24"


class Hand:
    """Mouse and keyboard of one display, by xdotool. Points are screen pixels."""

    def __init__(self, display: str) -> None:
        self._environment = {"PATH": os.environ["PATH"], "DISPLAY": display, "LC_ALL": "C.UTF-8"}

    def _do(self, *words: object) -> None:
        subprocess.run(["xdotool", *map(str, words)], env=self._environment, check=True, timeout=60)

    def focus(self, window: int) -> None:
        self._do("windowfocus", window)

    def move(self, point: tuple[int, int]) -> None:
        self._do("mousemove", *point)

    def press(self) -> None:
        self._do("mousedown", 1)

    def release(self) -> None:
        self._do("mouseup", 1)

    def click(self, point: tuple[int, int], times: int = 1) -> None:
        self._do("mousemove", *point, "click", "--repeat", times, "--delay", 60, 1)

    def type(self, text: str) -> None:
        self._do("type", "--delay", 15, text)

    def key(self, *keys: str) -> None:
        self._do("key", "--delay", 30, *keys)

    def drag(self, points: list[tuple[int, int]], seconds: float = 0.5) -> None:
        """Presses at the first point, passes through the others and lets go at the last."""
        self.move(points[0])
        self.press()
        self.pass_through(points[1:], seconds)
        self.release()

    def pass_through(self, points: list[tuple[int, int]], seconds: float) -> None:
        """Moves through the points without pressing or letting go."""
        pause = f"{seconds / len(points):.4f}"
        self._do(*[word for point in points for word in ("mousemove", *point, "sleep", pause)])


@contextmanager
def a_screen() -> Iterator[str]:
    """An Xvfb on a free display; yields its name, such as `:99`."""
    read, write = os.pipe()
    command = ["Xvfb", "-displayfd", str(write), "-screen", "0", SCREEN, "-nolisten", "tcp", "-noreset"]
    server = subprocess.Popen(command, pass_fds=[write], stderr=subprocess.DEVNULL)
    os.close(write)
    try:
        with os.fdopen(read) as numbers:
            number = numbers.readline().strip()
        if not number:
            raise RuntimeError(f"Xvfb ended with {server.wait(10)} before it named its display.")
        yield f":{number}"
    finally:
        server.terminate()
        server.wait(10)


class Waited(AssertionError):
    """Something did not happen in time."""


def wait_for(condition, what: str, seconds: float = 30.0, every: float = 0.05):
    """The first true answer of `condition`, or a failure that names `what` and shows the last answer."""
    deadline = time.monotonic() + seconds
    while not (answer := condition()):
        if time.monotonic() > deadline:
            raise Waited(f"Waited {seconds:.0f} s in vain for {what}; last answer: {answer!r}")
        time.sleep(every)
    return answer

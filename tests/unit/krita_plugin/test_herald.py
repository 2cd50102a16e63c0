"""In canvas-only mode the canvas says what the docker would."""

from __future__ import annotations

import pytest

from wakebrush.canvas.base import Icon
from wakebrush.client.model import Machine
from wakebrush.session.herald import Herald
from wakebrush.session.words import Notice

ASLEEP, READY = Machine("m", "asleep"), Machine("m", "ready")
WAKING = Machine("m", "waking", eta_seconds=60.0)


class Canvas:
    def __init__(self, only_canvas: bool = True) -> None:
        self.said: list[tuple[str, Icon]] = []
        self._only_canvas = only_canvas

    def only_canvas(self) -> bool:
        return self._only_canvas

    def message(self, sentence: str, icon: Icon) -> None:
        self.said.append((sentence, icon))


def live(herald: Herald) -> None:
    """A wake, two pictures, and something that goes wrong."""
    for machine in (ASLEEP, WAKING, WAKING, READY, READY):
        herald.machine(machine, waits=True)
    for _ in range(2):
        herald.landed()
        herald.moving(True)
    for _ in range(2):
        herald.moving(False)
    herald.trouble(Notice("The GPU ran out of memory."))


def test_a_wake_pictures_and_trouble_are_said_once_each() -> None:
    canvas = Canvas()
    live(Herald(canvas))
    assert canvas.said == [
        ("Waking, about 1 min.", Icon.AWAKE),
        ("The machine is awake.", Icon.AWAKE),
        ("2 pictures are here.", Icon.DONE),
        ("The GPU ran out of memory.", Icon.ERROR),
    ]


def test_where_the_docker_is_seen_nothing_is_said_on_the_canvas() -> None:
    canvas = Canvas(only_canvas=False)
    live(Herald(canvas))
    assert canvas.said == []


def test_a_wake_that_is_not_for_her_is_not_her_matter() -> None:
    canvas = Canvas()
    herald = Herald(canvas)
    for machine in (ASLEEP, WAKING, READY, None):
        herald.machine(machine, waits=False)
    assert canvas.said == []


@pytest.mark.parametrize(
    ("machine", "sentence"),
    [(Machine("m", "waking"), "Waking."), (Machine("m", "waking", wake_seconds=30.0), "Waking, about 30 s.")],
)
def test_a_wake_without_an_estimate_says_what_is_usual_or_nothing(machine: Machine, sentence: str) -> None:
    canvas = Canvas()
    Herald(canvas).machine(machine, waits=True)
    assert canvas.said == [(sentence, Icon.AWAKE)]


def test_one_picture_is_one_picture() -> None:
    canvas = Canvas()
    herald = Herald(canvas)
    herald.landed()
    herald.moving(False)
    assert canvas.said == [("Your picture is here.", Icon.DONE)]

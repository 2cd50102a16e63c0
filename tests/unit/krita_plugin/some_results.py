"""Results for tests, as the way back delivers them: on disk first."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from wakebrush.canvas.plan import RegionPlan
from wakebrush.canvas.rect import Rect
from wakebrush.journal import Entry, Journal, Mark
from wakebrush.qt import QColor, QImage
from wakebrush.session import Session
from wakebrush.session.delivery import Landing, small
from wakebrush.session.pictures import encode
from wakebrush.session.recipe import Recipe, region_body, values
from wakebrush.session.results import Results

from .fake_canvas import FakeCanvas

AREA = Rect(10, 20, 64, 48)


def image(colour: str = "blue", width: int = 64, height: int = 48) -> QImage:
    made = QImage(width, height, QImage.Format.Format_RGB32)
    made.fill(QColor(colour))
    return made


def entry(press: str = "p", prompt: str = "a castle", area: Rect = AREA, **more: Any) -> Entry:
    """A request for the document `d1`, as it lies in the journal."""
    count = more.pop("count", 1)
    known: dict[str, Any] = {
        "key": press,
        "document_id": "d1",
        "document_path": "/pictures/castle.kra",
        "area": (area.x, area.y, area.width, area.height),
        "name": prompt,
        "request": {"count": count, "prompt": prompt, "style": "gouache"},
        "created_at": 1.0,
        "job_id": f"job-{press}",
        "press": press,
        "region": region_body(RegionPlan(area, 512, 384)),
        "recipe": values(Recipe(prompt, "fog", "gouache", 5, selected=(1, 2, 3, 4))),
    }
    return Entry(**{**known, **more})


def alpha_of(shown: int) -> bytes:
    """A mask file that lets so much of the result show."""
    mask = QImage(AREA.width, AREA.height, QImage.Format.Format_Grayscale8)
    mask.fill(shown)
    return encode(mask)


class Shop:
    """A session without a service, to which results are brought."""

    def __init__(self, session: Session, canvas: FakeCanvas, journal: Journal, qtbot: QtBot) -> None:
        self.session, self.canvas, self.journal, self.qtbot = session, canvas, journal, qtbot
        self.results: Results = session.results

    def bring(self, made: Entry, n: int = 0, colour: str = "blue", files: dict[str, bytes] | None = None, **mark: Any) -> None:
        """A result arrives."""
        if all(kept.entry.key != made.key for kept in self.journal.all()):
            self.journal.write(made, files or {})
        noted = Mark(n, **{"seed": 100 + n, "at": time.time(), **mark})
        picture = image(colour, made.area[2], made.area[3])
        self.journal.receive(made.key, noted, encode(picture))
        self.results.land(Landing(made, noted, small(picture)))

    @property
    def ids(self) -> list[str]:
        return [item.id for item in self.results.items]

    def until(self, fact: Callable[[], object]) -> None:
        self.qtbot.waitUntil(lambda: bool(fact()), timeout=5000)

    def until_told(self, words: str) -> None:
        """Waits until the error line says it."""
        self.until(lambda: self.session.notice is not None and words in self.session.notice.title + self.session.notice.hint)

    def until_over_the_canvas(self, colour: str | None) -> None:
        """Waits until a picture of that colour, or nothing, lies over the canvas."""
        self.until(lambda: self.over_the_canvas() == colour)

    def over_the_canvas(self) -> str | None:
        parts = self.canvas.overlay.parts
        return parts[0][0].pixelColor(5, 5).name() if parts else None

    def settle(self) -> None:
        """Waits until the lanes have done what was asked of them."""
        done: list[str] = []
        lanes = self.session._link.lanes
        for _ in range(2):
            for lane in ("disk", "peek", "history", "encode"):
                lanes.run(lane, lambda: None, lambda _, lane=lane: done.append(lane))
        self.until(lambda: len(done) == 8)


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "krita" / "journal")


@pytest.fixture
def shop(new_session: Callable[..., Session], canvas: FakeCanvas, journal: Journal, qtbot: QtBot) -> Shop:
    return Shop(new_session(), canvas, journal, qtbot)

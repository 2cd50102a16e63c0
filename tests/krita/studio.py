"""An artist at work: Krita with the plugin, and a wake service whose machine is the practice engine."""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from tests.support.artist import Artist
from tests.support.running_service import RunningService

from .kritas import REPOSITORY, KritaVersion
from .running import Profile, RunningKrita, running_krita

#: What a machine takes here, in seconds: long enough to be seen, short enough to be waited for.
PRACTICE = "--startup-seconds 2 --load-seconds 0.6 --step-seconds 0.12"
IDLE_SECONDS = 4
SAMPLE = REPOSITORY / "wake_service/demo/sample/painting.png"
WAIT = 60.0
#: Clicks in a row that may miss what moves: a row of the docker appears or goes when the machine falls asleep.
MISSES = 3


@dataclass
class Studio:
    """Where she sits. `service` is on the same computer, so the plugin finds it by itself."""

    krita: RunningKrita
    service: RunningService
    profile: Profile

    @property
    def artist(self) -> Artist:
        return self.service.artist()

    def docker(self) -> dict[str, Any]:
        """What the docker says now."""
        said: dict[str, Any] = self.krita.ask("docker.look")
        return said

    def until_it_says(self, part: str, words: str, seconds: float = WAIT) -> dict[str, Any]:
        """Waits until a part of the docker contains some words."""
        return self.krita.until("docker.look", f"“{words}” in {part}", lambda said: words in said[part], seconds)

    def until_idle(self, seconds: float = WAIT) -> None:
        """Waits until nothing is under way."""
        self.krita.until("docker.look", "the bar to go", lambda said: not said["progress"], seconds)

    def write_prompt(self, text: str) -> None:
        """Clicks into the prompt and types over what is there."""
        self.krita.hand.click(self.krita.ask("docker.where", name="prompt"))
        self.krita.hand.key("ctrl+a")
        self.krita.hand.type(text)
        self.krita.until("docker.look", "the typed prompt", lambda said: said["prompt"] == text)

    def press(self, button: str) -> None:
        """Clicks in the middle of a part, once it has come to rest; again if it was moved away from under the mouse."""
        for _ in range(MISSES):
            place = self._at_rest("docker.where", name=button)
            self.krita.ask("docker.expect_touch", name=button)
            self.krita.hand.click(place)
            if self.krita.ask("docker.was_touched"):
                return
        raise AssertionError(f"{MISSES} clicks in a row missed {button}.")

    def _at_rest(self, step: str, **what: str) -> tuple[int, int]:
        """Where something is, once that is the same twice: what appears above it moves it."""
        seen: list[Any] = [None]

        def rests(place: Any) -> bool:
            before, seen[0] = seen[0], place
            return bool(place == before)

        place: tuple[int, int] = self.krita.until(step, f"{what} to rest", rests, **what)
        return place

    def choose_style(self, title: str) -> None:
        """Opens the list of styles and types the title."""
        self.press("style")
        self.krita.hand.type(title)
        self.krita.hand.key("Return")
        self.krita.until("docker.look", "the style", lambda said: said["style"].startswith(title))

    def select_by_mouse(self, x: int, y: int, width: int, height: int, shape: str = "Rectangular") -> list[int]:
        """Drags a selection tool over the document; the box that came of it."""
        self.krita.ask("window.tool", action=f"KisToolSelect{shape}")
        corners = self.krita.ask(
            "canvas.screen_points", points=[[x, y], [x + width // 2, y + height // 2], [x + width, y + height]]
        )
        self.krita.hand.drag(corners)
        box: list[int] = self.krita.until("documents.selection_box", "the selection", seconds=10)
        return box

    def until_there_are(self, count: int, seconds: float = WAIT) -> list[str]:
        """Waits until so many results are there; their ids, the newest first."""
        seen = self.krita.until("results.look", f"{count} results", lambda said: len(said["ids"]) == count, seconds)
        ids: list[str] = seen["ids"]
        return ids

    def apply(self, layer: str, result: str = "") -> None:
        """Double-clicks a result's thumbnail (the newest one's, if none is named) and waits for its layer."""
        result = result or self.krita.ask("results.look")["ids"][0]
        self.krita.hand.click(self._at_rest("results.where", item=result), times=2)
        self.krita.until("documents.layers", "the layer", lambda names: layer in names)

    def newest_job(self) -> dict[str, Any]:
        return self.artist.jobs()[0]

    def result(self, job: dict[str, Any]) -> np.ndarray:
        """The service's picture, scaled onto its region: rows of red, green, blue."""
        picture = Image.open(io.BytesIO(self.artist.result(job["id"]))).convert("RGB")
        region = job["region"]
        if picture.size != (region["width"], region["height"]):
            picture = picture.resize((region["width"], region["height"]), Image.Resampling.BILINEAR)
        return np.asarray(picture)

    def layer(self, name: str, job: dict[str, Any]) -> np.ndarray:
        """A layer's pixels in the job's region: rows of red, green, blue, alpha, as sRGB."""
        region = job["region"]
        path = self.profile.home / "layer.bgra"
        self.krita.ask("documents.save_layer", name=name, path=str(path), **region)
        pixels = np.frombuffer(path.read_bytes(), np.uint8).reshape(region["height"], region["width"], 4)
        return pixels[..., [2, 1, 0, 3]]


@contextmanager
def a_service(profile: Profile, **settings: str | float) -> Iterator[RunningService]:
    """A wake service for the owner of this profile, in her data folder."""
    service = RunningService(profile.data / "wakebrush", **settings)
    service.start()
    try:
        yield service
    finally:
        service.clean_up()


@contextmanager
def a_studio(version: KritaVersion, installed: Profile, practice: str = PRACTICE, **environment: str) -> Iterator[Studio]:
    """A copy of an installed profile, a service and a Krita, all of them gone afterwards. `practice`: options of the engine."""
    settings = {"practice_args": practice, "idle_seconds": IDLE_SECONDS, "wake_estimate_seconds": 4, "price_per_hour": 1.006}
    with (
        installed.lent() as profile,
        a_service(profile, **settings) as service,
        running_krita(version, profile, **environment) as krita,
    ):
        yield Studio(krita, service, profile)
        assert krita.complaints() == []


def inside(box: list[int], margin: int) -> tuple[slice, slice]:
    """Rows and columns of a box, smaller by a margin on each side."""
    x, y, width, height = box
    return slice(y + margin, y + height - margin), slice(x + margin, x + width - margin)


def open_painting(krita: RunningKrita) -> None:
    """The tour's sample in front, beside the docker: a seaside evening with a bare spot where a lighthouse is meant to be."""
    own = krita.log.with_name("seaside.png")
    shutil.copy(SAMPLE, own)
    krita.ask("documents.load", path=str(own))
    krita.ask("docker.show")
    krita.ask("window.wait", seconds=2.5)  # until Krita's message about the zoom has faded

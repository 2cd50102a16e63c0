"""Each way to paint, end to end: the right pixels in the right place of a document in real Krita."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from .studio import PRACTICE, Studio, a_studio, inside

SIZE = 1024
BOX = [384, 352, 256, 288]
PROMPT = "a boat"
#: To either side of the edge, in pixels.
FEATHER = 8


@pytest.fixture
def studio(shared_studio: Studio) -> Iterator[Studio]:
    """The module's studio with a document that has something on it everywhere, and settings as they are at first."""
    krita = shared_studio.krita
    krita.ask("documents.create", width=SIZE, height=SIZE, paper=[255, 255, 255])
    krita.ask("documents.gradient", name="beach")
    krita.ask("docker.show")
    krita.ask("settings.as_at_first")
    krita.ask("settings.change", apply_at_once=True, feather=0, feather_least=FEATHER, grow=0)
    yield shared_studio
    shared_studio.until_idle()
    krita.ask("settings.as_at_first")
    krita.ask("documents.close_all")


def paint(studio: Studio, **settings: Any) -> dict[str, Any]:
    """Presses the button with these settings; the job, when its layer is there."""
    krita = studio.krita
    krita.ask("window.wait", seconds=0.5)  # until the docker has looked at this document
    krita.ask("settings.change", prompt=PROMPT, **settings)
    krita.until("docker.look", "a style and a button", lambda said: said["can_generate"] and said["style"])
    studio.press("generate")
    krita.until("documents.layers", "the layer", lambda names: PROMPT in names or studio.docker()["error_title"], 60)
    assert studio.docker()["error_title"] == ""
    studio.until_idle()
    return studio.newest_job()


def select(studio: Studio, box: list[int] = BOX) -> None:
    studio.krita.ask("documents.select", x=box[0], y=box[1], width=box[2], height=box[3])


def check(studio: Studio, job: dict[str, Any], box: list[int] = BOX) -> None:
    """The layer is the service's picture in the box, and nothing beyond its soft edge."""
    layer, picture = studio.layer(PROMPT, job), studio.result(job)
    here = [box[0] - job["region"]["x"], box[1] - job["region"]["y"], box[2], box[3]]
    solid = inside(here, FEATHER)
    assert (layer[solid][..., 3] == 255).all()
    beyond = layer[..., 3].copy()
    beyond[inside(here, -FEATHER)] = 0
    assert not beyond.any()
    assert np.abs(layer[solid][..., :3].astype(int) - picture[solid]).max() <= 2, "nothing drifts, so nothing is corrected"


@pytest.mark.parametrize(
    ("task", "strength"), [("fill", 1.0), ("add", 1.0), ("remove", 1.0), ("background", 1.0), ("refine", 0.6), ("custom", 0.6)]
)
def test_what_is_selected_is_painted_and_nothing_else(studio, task, strength):
    select(studio)
    reach = [BOX[0] - FEATHER, BOX[1] - FEATHER, BOX[2] + 2 * FEATHER, BOX[3] + 2 * FEATHER]
    outside = studio.krita.ask("documents.seen_hash", outside=reach)
    job = paint(studio, task=task, strength=60)
    assert (job["mode"], job["strength"]) == ("inpaint", strength)
    check(studio, job)
    assert studio.krita.ask("documents.seen_hash", outside=reach) == outside


def test_a_selection_is_generated_without_its_surroundings(studio):
    select(studio)
    job = paint(studio, task="generate")
    assert job["mode"] == "text_to_image"
    assert job["region"] == {"x": 376, "y": 344, "width": 272, "height": 304}
    layer = studio.layer(PROMPT, job)
    assert (layer[inside([8, 8, 256, 288], FEATHER)][..., 3] == 255).all() and layer[0, 0, 3] == 0


def test_without_a_selection_the_whole_picture_is_refined(studio):
    job = paint(studio, task="", strength=50)
    assert (job["mode"], job["strength"]) == ("image_to_image", 0.5)
    assert job["region"] == {"x": 0, "y": 0, "width": SIZE, "height": SIZE}
    assert (studio.layer(PROMPT, job)[..., 3] == 255).all()


def test_the_canvas_grows_and_the_new_part_is_painted_up_to_a_soft_seam(studio):
    krita = studio.krita
    job = paint(studio, task="expand", margin_right=128)
    assert krita.ask("documents.size") == [SIZE + 128, SIZE]
    layer = studio.layer(PROMPT, job)
    edge = SIZE - job["region"]["x"]
    assert (layer[:, edge:, 3] == 255).all(), "nothing of what is new is transparent"
    assert not layer[:, : edge - 2 * FEATHER, 3].any()
    assert [alpha for *_, alpha in krita.ask("documents.seen", points=[[SIZE + 127, 5], [SIZE + 60, SIZE - 1]])] == [255, 255]


def test_transparent_parts_are_painted_and_opaque_ones_kept(studio):
    krita = studio.krita
    krita.ask("documents.close_all")
    krita.ask("documents.create", width=SIZE, height=SIZE)
    krita.ask("documents.paint", name="left", x=0, y=0, width=600, height=SIZE, color=[40, 90, 160])
    paint(studio, task="expand")
    seen = krita.ask("documents.seen", points=[[100, 100], [500, 900], [700, 10], [1023, 1023]])
    assert seen[0] == seen[1] == [40, 90, 160, 255]
    assert [alpha for *_, alpha in seen] == [255] * 4


def test_distant_parts_of_a_selection_become_one_layer(studio):
    krita = studio.krita
    krita.ask("documents.close_all")
    krita.ask("documents.create", width=2600, height=600, paper=[255, 255, 255])
    krita.ask("documents.paint", name="ink", x=0, y=0, width=2600, height=300, color=[40, 90, 160])
    krita.ask("documents.select_many", boxes=[[60, 60, 160, 160], [2380, 380, 160, 160]])
    layers = krita.ask("documents.layers")
    job = paint(studio, task="fill")
    assert len(krita.ask("documents.layers")) == len(layers) + 1
    jobs = [each for each in studio.artist.jobs() if each["group"] == job["group"]]
    assert sorted(each["region"]["x"] for each in jobs) == [0, 2600 - 512]
    whole = {"region": {"x": 0, "y": 0, "width": 2600, "height": 600}}
    alpha = studio.layer(PROMPT, whole)[..., 3]
    assert alpha[140, 140] == alpha[460, 2460] == 255
    assert not alpha[:, 300:2300].any()


def test_what_is_transparent_stays_so(studio):
    krita = studio.krita
    krita.ask("documents.close_all")
    krita.ask("documents.create", width=512, height=512)
    krita.ask("documents.paint", name="line", x=100, y=200, width=300, height=12, color=[120, 0, 0, 200])
    job = paint(studio, task="refine", strength=40, keep_transparency=True)
    alpha = studio.layer(PROMPT, job)[..., 3]
    assert (alpha[201:211, 101:399] == 200).all()
    alpha[200:212, 100:400] = 0
    assert not alpha.any()


def test_the_seam_shows_no_step_although_the_model_shifts_colours(version, profile):
    """The document is one plain colour, and so is what comes back around the boat: only a drift could make a step."""
    with a_studio(version, profile, practice=f"{PRACTICE} --drift 1 --blur 1") as studio:
        krita = studio.krita
        krita.ask("documents.create", width=SIZE, height=SIZE, paper=[96, 140, 180])
        krita.ask("docker.show")
        krita.ask(
            "settings.change",
            apply_at_once=True,
            prompt=PROMPT,
            grow=0,
            feather=0,
            feather_least=FEATHER,
            task="custom",
            strength=5,
        )
        select(studio)
        job = paint(studio)
        drifted = studio.result(job)[4, 4].astype(int) - (96, 140, 180)
        assert np.abs(drifted).max() >= 5, "the engine does shift colours"
        layer = studio.layer(PROMPT, job)
        x, y = BOX[0] - job["region"]["x"], BOX[1] - job["region"]["y"]
        rim = layer[y + 2 : y + 6, x + 20 : x + 200, :3].astype(int)
        assert np.abs(rim.mean(axis=(0, 1)) - (96, 140, 180)).max() <= 2

"""One picture, end to end: mouse and keyboard in real Krita, a machine that was asleep, a layer in the right place."""

import re

import numpy as np
import pytest

from tests.faults.machine import Machine

from .display import wait_for
from .running import RunningKrita
from .studio import Studio, inside, open_painting

FEATHER = 20
"""5 % of the shorter side of what is selected here."""
GROW = 12
"""3 % of it."""
PROMPT = "a lighthouse in a storm"
#: The states of a wake, in order, as the docker says them.
WAY = ["Asleep.", "Waking: ", "Loading the model.", "Painting."]


def seaside(krita: RunningKrita) -> None:
    """A document with something on it everywhere."""
    krita.ask("documents.create", width=1000, height=800, paper=[255, 255, 255])
    krita.ask("documents.gradient", name="beach")
    krita.ask("docker.show")


def before_each_other(words: list[str], sentences: list[str]) -> bool:
    """Whether sentences that begin with these words come in this order."""
    places = [next((i for i, sentence in enumerate(sentences) if sentence.startswith(word)), None) for word in words]
    return None not in places and places == sorted(places)


def test_a_picture_travels_from_the_canvas_to_a_sleeping_machine_and_back_as_a_layer(studio):
    krita = studio.krita
    seaside(krita)
    box = studio.select_by_mouse(250, 200, 480, 400)
    studio.write_prompt(PROMPT)
    studio.until_it_says("state_line", "Asleep.")
    untouched = krita.ask("documents.fingerprint")
    krita.ask("results.settings", match_colours=False, strength=100)
    far = FEATHER + GROW
    reach = [box[0] - far, box[1] - far, box[2] + 2 * far, box[3] + 2 * far]
    outside = krita.ask("documents.seen_hash", outside=reach)

    krita.ask("docker.record")
    studio.press("generate")
    studio.until_there_are(1)
    studio.until_idle()
    over = krita.until("results.look", "the picture over the canvas", lambda said: said["over_the_canvas"])
    assert over["pinned"] == over["ids"][0]
    assert krita.ask("documents.fingerprint") == untouched, "what lies over the canvas is no layer"
    studio.apply(PROMPT)
    assert krita.ask("results.look")["over_the_canvas"] is None

    seen = krita.ask("docker.recorded")
    assert before_each_other(WAY, seen["states"]), seen["states"]
    assert seen["previews"] > 0
    values = [value for value, *_ in seen["bar"]]
    assert values == sorted(values), "the bar never goes back"
    job = studio.newest_job()
    assert (job["mode"], job["state"], job["prompt"]) == ("inpaint", "succeeded", PROMPT)
    assert krita.ask("documents.seen_hash", outside=reach) == outside
    assert krita.ask("documents.fingerprint", leave_out=PROMPT) == untouched
    check_pixels(studio, job, box, tolerance=0)
    krita.ask("window.undo")
    assert krita.ask("documents.fingerprint") == untouched


def check_pixels(studio: Studio, job: dict, box: list[int], tolerance: int, worst: int = 0) -> None:
    """The layer is the service's picture, solid inside the selection and nothing beyond its soft edge.

    97 % of what is shown lies within `tolerance` levels, all of it within `worst`.
    """
    layer, picture = studio.layer(PROMPT, job), studio.result(job)
    here = [box[0] - job["region"]["x"], box[1] - job["region"]["y"], box[2], box[3]]
    assert (layer[inside(here, FEATHER)][..., 3] == 255).all()
    around = layer[..., 3].copy()
    around[inside(here, -FEATHER - GROW)] = 0
    assert not around.any(), "nothing shows beyond the soft edge"
    solid = layer[..., 3] == 255
    difference = np.abs(layer[..., :3].astype(int) - picture.astype(int))
    shown = layer[..., 3] > 0
    assert np.median(difference[shown & ~solid]) <= tolerance / 2, "the soft edge has the picture's own colours"
    assert np.percentile(difference[shown], 97) <= tolerance
    assert difference[shown].max() <= worst


def test_a_stroke_drawn_while_a_picture_arrives_is_complete(studio):
    krita = studio.krita
    krita.ask("documents.create", width=1000, height=800, paper=[255, 255, 255])
    krita.ask("documents.paint", name="ink", x=0, y=0, width=1, height=1, color=[0, 0, 0])
    krita.ask("docker.show")
    studio.write_prompt("fog over the sea")
    krita.ask("canvas.brush", size=20)
    points = krita.ask("canvas.screen_points", points=[[200 + 5 * i, 300] for i in range(101)])
    earlier = {job["id"] for job in studio.artist.jobs()}
    krita.ask("results.settings", apply_at_once=True)
    krita.hand.click(krita.ask("docker.where", name="prompt"))
    krita.hand.key("ctrl+Return")
    studio.until_it_says("state_line", "Painting.")
    with Machine(studio.service).engine_frozen():  # the picture does not come before her pen is down
        krita.hand.move(points[0])
        krita.hand.press()
        krita.hand.pass_through(points[1:40], 0.4)
    job = next(job for job in studio.artist.jobs() if job["id"] not in earlier)
    wait_for(lambda: studio.artist.job(job["id"])["state"] == "succeeded", "the picture", 60)
    krita.ask("window.wait", seconds=0.5)
    krita.hand.pass_through(points[40:], 0.6)
    assert "fog over the sea" not in krita.ask("documents.layers"), "nothing moves while the button is down"
    assert krita.ask("documents.active_layer") == "ink"
    krita.hand.release()
    krita.until("documents.layers", "the layer after the stroke", lambda names: "fog over the sea" in names)
    first, last, gaps = krita.ask("documents.stroke_extent", layer="ink", y=300)
    assert first <= 202 and last >= 698 and gaps == 0
    krita.ask("window.wait", seconds=0.2)
    assert krita.ask("documents.active_layer") == "ink"
    krita.ask("results.settings", apply_at_once=False)


def test_cancel_lets_go_of_the_picture_and_leaves_the_canvas_alone(studio):
    krita = studio.krita
    seaside(krita)
    untouched = krita.ask("documents.fingerprint")
    studio.write_prompt("a whale")
    studio.press("generate")
    wait_for(lambda: studio.newest_job()["prompt"] == "a whale", "the job at the service")
    studio.press("cancel")
    studio.until_idle(10)
    job = studio.newest_job()
    wait_for(lambda: studio.artist.job(job["id"])["state"] == "cancelled", "the service to know")
    assert krita.ask("documents.fingerprint") == untouched
    assert studio.docker()["error_title"] == ""


@pytest.mark.parametrize(
    ("model", "depth", "icc", "paper", "tolerance", "worst"),
    [
        # A saturated colour's dark channel in sRGB is a difference of bright ones in ClayRGB: red is 1.40 R - 0.40 G of linear
        # light. Half a level of each there (gamma 2.2, at G = 1 and R = 0.565), seen through sRGB's steep start (12.92),
        # is 12.92 * 0.5 * (1.40 * 1.11 + 0.40 * 2.2) = 16 levels.
        ("RGBA", "U8", "ClayRGB-elle-V2-g22.icc", [255, 255, 255], 2, 16),
        ("RGBA", "U16", "sRGB-elle-V2-srgbtrc.icc", [255, 255, 255], 1, 4),
        ("RGBA", "U8", "sRGB-elle-V2-srgbtrc.icc", None, 0, 0),
    ],
    ids=["ClayRGB", "16-bit", "transparent"],
)
def test_pictures_have_right_colours_and_clean_edges_in(studio, model, depth, icc, paper, tolerance, worst):
    krita = studio.krita
    krita.ask("documents.create", width=1000, height=800, model=model, depth=depth, profile=icc, paper=paper)
    krita.ask("documents.paint", name="sail", x=300, y=0, width=240, height=800, color=[20, 140, 150])
    krita.ask("documents.select", x=250, y=200, width=480, height=400)
    krita.ask("docker.show")
    studio.write_prompt(PROMPT)
    krita.ask("results.settings", match_colours=False, strength=100)
    earlier = {job["id"] for job in studio.artist.jobs()}
    studio.press("generate")
    studio.until_there_are(1)
    studio.apply(PROMPT)
    job = next(job for job in studio.artist.jobs() if job["id"] not in earlier)
    check_pixels(studio, job, [250, 200, 480, 400], tolerance, worst)
    assert krita.ask("documents.colours") == [model, depth, icc]
    seen = krita.ask("documents.seen", points=[[100, 100]])[0]
    assert seen == [255, 255, 255, 255] if paper else seen[3] == 0


def steps_done(progress: str) -> int:
    """How many of twelve steps the bar names, else 0. A single step is not always there long enough to be read."""
    found = re.search(r"(\d+)/12", progress or "")
    return int(found[1]) if found else 0


@pytest.mark.screenshot
def test_the_way_of_a_picture_as_screenshots(studio, shoot):
    krita = studio.krita
    open_painting(krita)
    studio.select_by_mouse(650, 70, 240, 380, shape="Elliptical")
    studio.write_prompt("a white lighthouse with a red lantern on the headland, evening light, gouache")
    studio.choose_style("Gouache")
    studio.press("strength")
    krita.hand.key("End")
    studio.press("full_view")
    studio.press("seed")
    krita.hand.type("12")  # of the practice engine's lighthouses one that stands well there
    studio.press("full_view")
    krita.until("docker.look", "the button's new word", lambda said: said["generate"] == "Fill the selection")
    studio.until_it_says("state_line", "Asleep.")
    shoot(krita, "asleep")
    studio.press("generate")
    studio.until_it_says("state_line", "booting")
    krita.ask("window.wait", seconds=0.7)
    shoot(krita, "waking")
    krita.until("docker.look", "the second half of the picture", lambda said: steps_done(said["progress"]) >= 6)
    shoot(krita, "sampling")
    studio.until_there_are(1)
    studio.until_idle()
    krita.until("results.look", "the picture over the canvas", lambda said: said["over_the_canvas"])
    shoot(krita, "result")

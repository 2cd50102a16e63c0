"""A result and what lies around it show no step, although the engine's VAE drifts and blurs."""

import numpy as np
import pytest

from wake_service.practice_engine.vae import FULL_DRIFT, Imperfection, decode
from wakebrush.canvas.pixels import finish, prepare
from wakebrush.canvas.plan import Fill, ModelSize, PlanSettings, Rect, Scene, Task, plan
from wakebrush.canvas.seam import MOST, Correction, can_match

from .images import Levels, a_capture, layer_levels, levels_of, opaque, over, png, selected

SIZE = 640
BOX = Rect(200, 160, 240, 300)


def flat() -> Levels:
    return np.full((SIZE, SIZE, 3), (96.0, 140.0, 180.0))


def gradient() -> Levels:
    y, x = np.mgrid[0:SIZE, 0:SIZE] / SIZE
    return np.stack([40 + 170 * x, 60 + 150 * y, 200 - 120 * x * y], axis=-1)


def textured() -> Levels:
    """Grass: noise of all sizes upon a gradient, 30 levels strong."""
    chance = np.random.default_rng(7)
    noise = sum(
        np.kron(chance.normal(0, 1, (SIZE // step, SIZE // step)), np.ones((step, step))) * weight
        for step, weight in ((1, 14), (4, 9), (16, 6), (64, 4))
    )
    return np.clip(gradient() * 0.6 + 50 + noise[..., None], 0, 255)


def through_the_engine(sent: Levels, imperfection: Imperfection) -> Levels:
    """What the practice engine gives back where it is asked to change nothing."""
    return decode(sent[None].astype(np.float32) / 255, imperfection)[0].astype(float) * 255


def painted(original: Levels, imperfection: Imperfection, **chosen: object) -> Levels:
    """The document after a filling that ought to look exactly like what was there."""
    settings = PlanSettings(Task.CUSTOM, fill=Fill.NONE, least_size=0, **chosen)  # type: ignore[arg-type]
    made = plan(Scene((SIZE, SIZE), BOX, (BOX,)), settings, ModelSize(256, 256, max_pixels=SIZE * SIZE))
    region, area = made.regions[0], made.regions[0].area
    part = original[area.y : area.bottom, area.x : area.right]
    chosen_pixels = selected(area.width, area.height, BOX.moved(-area.x, -area.y))
    finished = finish(a_capture(made, opaque(part), chosen_pixels))
    came = through_the_engine(levels_of(finished.image)[..., :3], imperfection)
    document = np.round(original)
    layer = layer_levels(prepare(png(opaque(came)), region, finished))
    document[area.y : area.bottom, area.x : area.right] = over(layer, document[area.y : area.bottom, area.x : area.right])
    return document


def step(document: Levels, original: Levels, reach: int = 12) -> float:
    """The largest difference, on any side and in any colour, between the mean of what was painted along the border and what
    should be there. What lies outside is untouched, so that is the step across the border."""
    change = document - np.round(original)
    inside = BOX.grown(-16)
    sides = [
        change[inside.y : inside.bottom, inside.x : inside.x + reach],
        change[inside.y : inside.bottom, inside.right - reach : inside.right],
        change[inside.y : inside.y + reach, inside.x : inside.right],
        change[inside.bottom - reach : inside.bottom, inside.x : inside.right],
    ]
    return max(float(np.abs(side.mean(axis=(0, 1))).max()) for side in sides)


FLAWS = [Imperfection(1.0, 0.0), Imperfection(1.0, 1.0), Imperfection(2.0, 2.0), Imperfection(-1.0, 0.7)]


@pytest.mark.parametrize("flaw", FLAWS, ids=str)
@pytest.mark.parametrize("sample", [flat, gradient, textured])
@pytest.mark.parametrize("feather", [0.0, 5.0])
def test_the_step_across_the_border_is_two_levels_at_most(sample, flaw, feather):
    original = sample()
    document = painted(original, flaw, feather=feather, feather_least=0)
    assert step(document, original) <= 2


@pytest.mark.parametrize("sample", [flat, gradient])
def test_no_single_pixel_of_a_smooth_picture_stands_out(sample):
    original = sample()
    assert np.abs(painted(original, FLAWS[1]) - np.round(original)).max() <= 2.5


@pytest.mark.parametrize("sample", [flat, gradient, textured])
def test_without_matching_the_step_is_seen(sample):
    original = sample()
    assert step(painted(original, FLAWS[0], match_colours=False), original) > 5


def test_what_is_painted_anew_keeps_its_own_colours_but_for_the_drift():
    sent = np.full((128, 128, 3), 100.0)
    came = through_the_engine(sent, Imperfection(1.0))
    came[40:88, 40:88] += (90, -60, 30)
    mask = selected(128, 128, Rect(40, 40, 48, 48))
    matched = levels_of(Correction(opaque(sent), mask, opaque(came)).apply(opaque(came), 0))
    assert np.abs(matched[64, 64, :3] - (190, 40, 130)).max() <= 1


def test_a_drift_that_changes_across_the_picture_is_followed():
    sent = np.full((256, 256, 3), 120.0)
    drift = np.linspace(-10, 10, 256)[None, :, None]
    mask = selected(256, 256, Rect(64, 64, 128, 128))
    matched = levels_of(Correction(opaque(sent), mask, opaque(sent + drift)).apply(opaque(sent + drift), 0))[..., :3]
    assert np.abs(matched - 120)[64:192, 60:68].mean() <= 2
    assert np.abs(matched - 120)[64:192, 188:196].mean() <= 2


def test_a_difference_that_no_drift_makes_is_not_taken_back_further():
    sent, came = np.full((64, 64, 3), 30.0), np.full((64, 64, 3), 200.0)
    mask = selected(64, 64, Rect(20, 20, 20, 20))
    matched = levels_of(Correction(opaque(sent), mask, opaque(came)).apply(opaque(came), 0))
    assert np.abs(matched[..., :3] - (200 - MOST)).max() <= 1


def test_paint_that_bleeds_over_the_border_is_not_taken_for_a_drift():
    sent = np.full((512, 512, 3), 100.0)
    painted_over = sent.copy()
    painted_over[128:384, 128:384] = 250
    came = through_the_engine(painted_over, Imperfection(blur=2.0))
    mask = selected(512, 512, Rect(128, 128, 256, 256))
    matched = levels_of(Correction(opaque(sent), mask, opaque(came)).apply(opaque(came), 0))[..., :3]
    assert np.abs(matched[140:372, 140:148] - 250).max() <= 2


def test_where_nothing_is_kept_nothing_can_be_matched():
    assert can_match(selected(64, 64, Rect(0, 0, 32, 64)))
    assert not can_match(selected(64, 64, Rect(0, 0, 64, 64)))


def test_the_drift_of_the_samples_is_the_practice_engines():
    came = through_the_engine(flat(), Imperfection(1.0))
    assert np.allclose(came[0, 0] - flat()[0, 0], np.array(FULL_DRIFT) * 255, atol=0.01)

"""Sketches: what changes them, what they keep."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from wake_service.practice_engine.nodes.sampling import Previews, block_mask, painted
from wake_service.practice_engine.nodes.values import Latent
from wake_service.practice_engine.painting import Brief, repaint, sketch
from wake_service.practice_engine.painting.blending import continue_tones, soften_inside
from wake_service.practice_engine.painting.words import understand

MODEL = "practice-sd15.safetensors"


def _brief(text: str = "a lighthouse in a storm", seed: int = 1, model: str = MODEL, loras: tuple[str, ...] = ()) -> Brief:
    return Brief(text, "", seed, model, tuple((f"practice-{name}.safetensors", 1.0) for name in loras))


def _difference(first: np.ndarray, second: np.ndarray) -> float:
    return float(np.abs(first - second).mean())


def test_the_same_brief_is_sketched_the_same_byte_for_byte() -> None:
    assert sketch(_brief(), 96, 64).tobytes() == sketch(_brief(), 96, 64).tobytes()


@pytest.mark.parametrize(
    "other",
    [
        _brief(seed=2),
        _brief("a forest at dawn"),
        _brief(loras=("ink",)),
        _brief(loras=("gouache",)),
        _brief(loras=("night",)),
        _brief().variant(1),
    ],
    ids=["seed", "words", "ink", "gouache", "night", "batch"],
)
def test_seed_words_and_style_change_the_picture_visibly(other: Brief) -> None:
    assert _difference(sketch(_brief(), 128, 128), sketch(other, 128, 128)) > 0.02


def test_words_that_mean_nothing_still_change_the_picture() -> None:
    assert _difference(sketch(_brief("qwxz"), 128, 128), sketch(_brief("vbnm"), 128, 128)) > 0.02


def test_every_checkpoint_has_a_hand_of_its_own() -> None:
    hands = [sketch(_brief(model=f"practice-{name}.safetensors"), 128, 128) for name in ("sd15", "sdxl", "flux")]
    assert min(_difference(hands[0], hands[1]), _difference(hands[1], hands[2])) > 0.001


def test_a_night_is_darker_than_a_day() -> None:
    assert sketch(_brief("hills at night"), 96, 96).mean() < sketch(_brief("hills at noon"), 96, 96).mean() - 0.15


@pytest.mark.parametrize(
    "text",
    ["sea", "mountains", "forest", "city at night", "desert", "portrait of a man", "flowers in a vase", "meadow", "clouds",
     "castle",
     "rain and lightning", "snow on pine trees", "fog", "a figure with birds", "boat at sunset", "", "\0 ☃ 灯台 " * 50],
)  # fmt: skip
@pytest.mark.parametrize("size", [(16, 16), (200, 24), (24, 136)])
def test_every_scene_fits_every_size(text: str, size: tuple[int, int]) -> None:
    picture = sketch(_brief(text), *size)
    assert picture.shape == (size[1], size[0], 3)
    assert np.isfinite(picture).all()
    assert picture.min() >= 0
    assert picture.max() <= 1


def test_what_the_negative_prompt_names_is_left_out() -> None:
    assert "boat" in understand("sea with a boat", "").subjects
    assert "boat" not in understand("sea with a boat", "boat").subjects
    assert understand("forest or sea", "forest").setting == "sea"


def test_the_word_named_first_decides_between_equals() -> None:
    assert understand("mountains by the sea", "").setting == "mountains"
    assert understand("sea by the mountains", "").setting == "sea"


@settings(max_examples=100)
@given(st.text(max_size=200), st.text(max_size=50))
def test_any_text_is_understood(text: str, negative: str) -> None:
    assert understand(text, negative) == understand(text, negative)


def test_little_strength_keeps_the_picture_and_more_changes_more() -> None:
    before = sketch(_brief("meadow", 5), 128, 128)
    changes = [_difference(before, repaint(_brief(), before, strength)) for strength in (0.02, 0.2, 0.5, 0.8, 0.99)]
    assert changes[0] < 0.01
    assert changes == sorted(changes)


def test_what_the_mask_protects_stays_to_the_last_bit() -> None:
    before = sketch(_brief("meadow", 5), 128, 128)
    mask = np.zeros((1, 128, 128), np.float32)
    mask[:, 40:90, 30:100] = 1
    blocks = block_mask(Latent(before[None], mask), 0)
    assert blocks is not None
    for strength in (0.4, 1.0):
        after = painted(before, blocks, _brief(), strength)
        assert (after[blocks == 0] == before[blocks == 0]).all()
        assert _difference(after[blocks == 1], before[blocks == 1]) > 0.01


def test_a_black_mask_changes_nothing_and_costs_nothing() -> None:
    before = sketch(_brief("meadow", 5), 64, 64)
    assert painted(before, np.zeros((64, 64), np.float32), _brief(), 1.0) is before


def test_masks_count_in_cells_of_eight_pixels() -> None:
    mask = np.zeros((1, 64, 64), np.float32)
    mask[:, :, 20:] = 1
    blocks = block_mask(Latent(np.zeros((1, 64, 64, 3), np.float32), mask), 0)
    assert blocks is not None
    assert blocks[0, ::8].tolist() == [0, 0, 0.5, 1, 1, 1, 1, 1]


def test_softening_a_mask_never_reaches_outside() -> None:
    mask = np.zeros((64, 64), np.float32)
    mask[16:48, 16:48] = 1
    soft = soften_inside(mask)
    assert (soft[mask == 0] == 0).all()
    assert soft[32, 32] == 1
    assert 0 < soft[16, 32] < 1


def test_tones_meet_at_the_border_of_the_mask() -> None:
    old = np.full((96, 96, 3), (0.2, 0.5, 0.8), np.float32)
    new = np.full((96, 96, 3), (0.9, 0.4, 0.1), np.float32)
    mask = np.zeros((96, 96), np.float32)
    mask[24:72, 24:72] = 1
    joined = continue_tones(new, old, mask)
    at_border, in_middle = _difference(joined[26:30, 48], old[26:30, 48]), _difference(joined[46:50, 48], old[46:50, 48])
    assert at_border < 0.5 * _difference(new[26:30, 48], old[26:30, 48])
    assert at_border < in_middle


def test_previews_come_closer_to_the_picture_with_every_step() -> None:
    after = sketch(_brief(), 128, 128)
    previews = Previews(np.full_like(after, 0.5), after, 1, 1.0)
    distances = []
    for done in (0.1, 0.4, 0.7, 1.0):
        image = Image.open(io.BytesIO(previews.at(done).data)).resize((128, 128))
        distances.append(_difference(np.asarray(image, np.float32) / 255, after))
    assert distances == sorted(distances, reverse=True)
    assert distances[-1] < 0.06

"""A mask that was made wider, against the distance of each pixel from what was white."""

import numpy as np
import pytest

from wakebrush.canvas.gray import gray_bytes, gray_image
from wakebrush.canvas.grown import CELLS, grown


def widened(mask: np.ndarray, reach: int) -> np.ndarray:
    height, width = mask.shape
    made = grown(gray_image(mask.tobytes(), width, height), reach)
    assert (made.width(), made.height()) == (width, height)
    return np.frombuffer(gray_bytes(made), np.uint8).reshape(height, width)


def distance(width: int, height: int, x: int, y: int) -> np.ndarray:
    across, down = np.meshgrid(np.arange(width) - x, np.arange(height) - y)
    return np.hypot(across, down)


@pytest.mark.parametrize("reach", [1, 2, 5, 10, 15, 16, 33, 64])
def test_a_single_pixel_grows_in_all_directions_alike(reach):
    mask = np.zeros((203, 241), np.uint8)
    mask[100, 120] = 255
    made, away, cell = widened(mask, reach), distance(241, 203, 120, 100), reach // CELLS if reach >= 2 * CELLS else 0
    assert (made[away <= reach - 2 * cell - 1] >= 128).all()
    assert not made[away > reach * 1.09 + cell + 1].any()
    assert made[100, 120] == 255


@pytest.mark.parametrize("reach", [10, 40])
def test_what_was_white_stays_white_and_nothing_comes_in_at_the_other_side(reach):
    mask = np.zeros((150, 170), np.uint8)
    mask[40:60, 165:] = mask[:3, 30:50] = 255
    made = widened(mask, reach)
    assert (made[mask == 255] == 255).all()
    assert not made[:, 95:120].any() and not made[70 + reach :, :].any()
    assert made[50, 166 - reach // 2] == 255


def test_a_half_selected_part_stays_half_selected():
    mask = np.zeros((60, 60), np.uint8)
    mask[20:40, 20:40], mask[28:32, 28:32] = 100, 200
    made = widened(mask, 4)
    assert set(np.unique(made)) == {0, 100, 200}
    assert made[30, 17] == 100 and made[30, 24] == 200


def test_each_value_is_the_largest_of_its_neighbours():
    mask = np.random.default_rng(5).integers(0, 256, (300, 280), np.uint8)
    around = np.pad(mask, 1)
    neighbours = [around[y : y + 300, x : x + 280] for y in range(3) for x in range(3)]
    assert (widened(mask, 1) == np.max(neighbours, axis=0)).all()


def test_no_reach_changes_nothing():
    mask = np.full((4, 4), 9, np.uint8)
    assert (widened(mask, 0) == mask).all()

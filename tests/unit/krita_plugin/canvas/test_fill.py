"""What is under the mask before the engine begins."""

import numpy as np
import pytest

from wakebrush.canvas.fill import carried_inward, filled, overlaid
from wakebrush.canvas.gray import plain
from wakebrush.canvas.plan import Fill, Rect
from wakebrush.qt import QColor

from .images import coloured, levels_of, opaque, selected

HOLE = Rect(60, 50, 80, 60)


def two_halves() -> np.ndarray:
    """Dark blue on the left, orange on the right, with a green shape under the mask."""
    levels = np.empty((160, 200, 3))
    levels[:, :100], levels[:, 100:] = (20, 40, 120), (240, 140, 20)
    levels[HOLE.y : HOLE.bottom, HOLE.x : HOLE.right] = (0, 255, 0)
    return levels


def inside(levels: np.ndarray, margin: int = 0) -> np.ndarray:
    box = HOLE.grown(-margin)
    return levels[box.y : box.bottom, box.x : box.right, :3]


@pytest.mark.parametrize("fill", list(Fill))
def test_what_is_kept_is_not_touched(fill):
    result = levels_of(filled(opaque(two_halves()), selected(200, 160, HOLE), fill))[..., :3]
    kept = np.ones((160, 200), bool)
    kept[HOLE.y : HOLE.bottom, HOLE.x : HOLE.right] = False
    assert np.array_equal(result[kept], two_halves()[kept])


def test_nothing_is_filled_unless_it_is_asked_for():
    image = opaque(two_halves())
    assert filled(image, selected(200, 160, HOLE), Fill.NONE) is image


def test_neutral_is_grey():
    result = levels_of(filled(opaque(two_halves()), selected(200, 160, HOLE), Fill.NEUTRAL))
    assert np.all(inside(result) == 128)


def test_blur_keeps_the_light_and_loses_the_forms():
    levels = np.full((256, 256, 3), 60.0)
    levels[::2, ::2] = 220
    result = levels_of(filled(opaque(levels), plain(256, 256, 255), Fill.BLUR))[..., :3]
    assert abs(result.mean() - levels.mean()) <= 3
    assert result.std() < 10 < levels.std()


@pytest.mark.parametrize("fill", [Fill.BORDER, Fill.MODEL])
def test_the_colours_around_are_carried_inward(fill):
    result = levels_of(filled(opaque(two_halves()), selected(200, 160, HOLE), fill))
    left, right = result[80, HOLE.x + 4, :3], result[80, HOLE.right - 5, :3]
    assert np.abs(left - (20, 40, 120)).max() <= 30
    assert np.abs(right - (240, 140, 20)).max() <= 30
    assert inside(result)[..., 1].max() <= 145, "nothing of what was there shines through"


def test_a_flat_surrounding_fills_flat():
    levels = np.full((160, 200, 3), (96.0, 140.0, 180.0))
    levels[HOLE.y : HOLE.bottom, HOLE.x : HOLE.right] = 0
    result = levels_of(carried_inward(opaque(levels), selected(200, 160, HOLE)))
    assert np.abs(result[..., :3] - (96, 140, 180)).max() <= 1


def test_a_scatter_has_the_colours_around_and_none_of_what_was_there():
    result = inside(levels_of(filled(opaque(two_halves()), selected(200, 160, HOLE), Fill.REPLACE)))
    assert result[..., 1].max() <= 145
    assert result.std(axis=(0, 1)).min() > 10, "it is full of forms to begin from"


def test_the_same_picture_is_scattered_the_same_way():
    fills = [filled(opaque(two_halves()), selected(200, 160, HOLE), Fill.REPLACE) for _ in range(2)]
    assert fills[0] == fills[1]


@pytest.mark.parametrize("fill", [Fill.BORDER, Fill.REPLACE])
def test_with_nothing_around_it_is_grey(fill):
    result = levels_of(filled(coloured(40, 30, "green"), plain(40, 30, 255), fill))
    assert np.all(result[..., :3] == 128)


def test_one_pixel_is_a_picture_too():
    assert filled(coloured(1, 1, "green"), plain(1, 1, 255), Fill.BORDER).pixelColor(0, 0) == QColor(128, 128, 128)


def test_a_soft_mask_mixes():
    mixed = overlaid(coloured(8, 8, "black"), coloured(8, 8, "white"), plain(8, 8, 128))
    assert abs(mixed.pixelColor(4, 4).red() - 128) <= 1

"""The separate parts of a selection, and what is transparent."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from wakebrush.canvas.islands import GRID, holes_in, islands_of
from wakebrush.canvas.plan import Rect

from .images import transparent


def selection(width: int, height: int, *boxes: Rect) -> bytes:
    pixels = np.zeros((height, width), np.uint8)
    for box in boxes:
        pixels[box.y : box.bottom, box.x : box.right] = 200
    return pixels.tobytes()


def test_parts_that_lie_apart_are_told_apart_to_the_pixel():
    parts = Rect(3, 5, 100, 77), Rect(401, 290, 99, 10), Rect(30, 250, 1, 1)
    found = islands_of(selection(500, 300, *parts), Rect(1000, 2000, 500, 300))
    assert set(found) == {part.moved(1000, 2000) for part in parts}


def test_parts_that_touch_are_one():
    assert islands_of(selection(300, 300, Rect(10, 10, 50, 50), Rect(60, 60, 50, 50)), Rect(0, 0, 300, 300)) == (
        Rect(10, 10, 100, 100),
    )


def test_the_faintest_selection_counts():
    pixels = bytearray(64 * 64)
    pixels[64 * 20 + 30] = 1
    assert islands_of(bytes(pixels), Rect(0, 0, 64, 64)) == (Rect(30, 20, 1, 1),)


def test_a_large_selection_of_one_part_is_known_by_a_few_pixels():
    box, whole = Rect(700, 300, 1200, 900), Rect(0, 0, 1200, 900)
    assert islands_of(selection(1200, 900, whole), box) == (box,)
    ring = bytearray(selection(1200, 900, whole))
    for y in range(100, 800):
        ring[y * 1200 + 100 : y * 1200 + 1100] = bytes(1000)
    assert islands_of(bytes(ring), box) == (box,)


def test_large_parts_that_lie_apart_are_told_apart_to_the_pixel():
    parts = Rect(0, 0, 301, 222), Rect(900, 600, 300, 300), Rect(3, 890, 20, 10)
    assert set(islands_of(selection(1200, 900, *parts), Rect(0, 0, 1200, 900))) == set(parts)


def test_what_is_too_thin_to_be_seen_at_a_glance_is_found():
    hair = Rect(0, 3, 1200, 1)
    assert islands_of(selection(1200, 900, hair), Rect(0, 0, 1200, 900)) == (hair,)


def test_nothing_selected_has_no_parts():
    assert islands_of(bytes(40 * 30), Rect(0, 0, 40, 30)) == ()


@given(st.lists(st.tuples(st.integers(0, 280), st.integers(0, 180), st.integers(1, 120), st.integers(1, 120)), max_size=6))
def test_every_selected_pixel_lies_in_a_part_and_no_part_is_larger_than_it_must_be(boxes):
    inside = Rect(0, 0, 300, 200)
    parts = [Rect(*box).clipped(inside) for box in boxes]
    found = islands_of(selection(300, 200, *parts), inside)
    assert all(any(island.contains(part) for island in found) for part in parts)
    pixels = np.frombuffer(selection(300, 200, *parts), np.uint8).reshape(200, 300)
    for island in found:
        inner = pixels[island.y : island.bottom, island.x : island.right]
        assert inner[0].any() and inner[-1].any() and inner[:, 0].any() and inner[:, -1].any()


def test_a_gap_of_two_cells_separates():
    cell = 640 // GRID
    found = islands_of(selection(640, 64, Rect(0, 0, 100, 64), Rect(100 + 2 * cell, 0, 100, 64)), Rect(0, 0, 640, 64))
    assert len(found) == 2


def test_an_opaque_picture_has_no_holes():
    assert holes_in(transparent(np.full((20, 30, 4), 255.0)), (300, 200)) is None


def test_holes_are_found_rather_too_large_than_too_small():
    levels = np.full((20, 30, 4), 255.0)
    levels[5:9, 20:25, 3] = 0
    levels[6, 18, 3] = 254
    found = holes_in(transparent(levels), (300, 200))
    assert found.contains(Rect(180, 50, 70, 40))
    assert Rect(160, 30, 110, 80).contains(found)


def test_a_picture_with_nothing_in_it_is_one_hole():
    assert holes_in(transparent(np.zeros((20, 30, 4))), (300, 200)) == Rect(0, 0, 300, 200)

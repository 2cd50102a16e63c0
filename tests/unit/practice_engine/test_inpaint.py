"""Filling holes as a small model would: seen from the colours around."""

from __future__ import annotations

from typing import Any, cast

import numpy as np

from wake_service.practice_engine.nodes.inpaint import fill_hole
from wake_service.practice_engine.nodes.values import InpaintModel, Run

RUN = cast(Run, None)


def filled(picture: Any, mask: Any) -> Any:
    (after,) = fill_hole(RUN, InpaintModel("practice-fill.safetensors"), picture[None], mask[None], 0).values
    return after[0]


def test_a_hole_takes_the_colours_around_it_and_the_rest_stays() -> None:
    picture = np.zeros((64, 96, 3), np.float32)
    picture[:, :48], picture[:, 48:] = (0.8, 0.2, 0.2), (0.2, 0.2, 0.8)
    mask = np.zeros((64, 96), np.float32)
    mask[24:40, 16:80] = 1
    picture[mask > 0] = 0
    after = filled(picture, mask)
    assert (after[mask == 0] == picture[mask == 0]).all()
    left, right = after[32, 20], after[32, 76]
    assert left[0] > 0.6 > left[2] and right[2] > 0.6 > right[0]


def test_a_picture_that_is_all_hole_stays_as_it_is() -> None:
    picture = np.full((16, 16, 3), 0.5, np.float32)
    assert (filled(picture, np.ones((16, 16), np.float32)) == picture).all()

"""The tour's painting and the region that goes to the engine."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageDraw

from wake_service.demo.sample import STEP, Sample


def sample(box: tuple[int, int, int, int], size: tuple[int, int] = (400, 304)) -> Sample:
    mask = Image.new("L", size, 0)
    ImageDraw.Draw(mask).rectangle(box, fill=255)
    return Sample(Image.new("RGB", size, (10, 20, 30)), mask)


@pytest.mark.parametrize("box", [(150, 120, 200, 170), (0, 0, 9, 9), (390, 290, 399, 303), (0, 0, 399, 303)])
def test_the_region_holds_the_spot_and_stays_on_the_canvas(box: tuple[int, int, int, int]) -> None:
    left, top, right, bottom = sample(box).region.box
    assert 0 <= left <= box[0] and 0 <= top <= box[1]
    assert box[2] < right <= 400 and box[3] < bottom <= 304


@pytest.mark.parametrize("box", [(150, 120, 200, 170), (0, 0, 9, 9), (0, 0, 399, 303)])
def test_the_region_has_sizes_that_engines_take(box: tuple[int, int, int, int]) -> None:
    region = sample(box).region
    assert (region.width % STEP, region.height % STEP) == (0, 0)


def test_a_result_changes_nothing_outside_the_mask() -> None:
    it = sample((150, 120, 200, 170))
    result = io.BytesIO()
    Image.new("RGB", (64, 64), (200, 0, 0)).save(result, "PNG")
    after = np.asarray(it.with_result(result.getvalue()))
    inside = np.asarray(it.mask) > 0
    assert (after[inside] == (200, 0, 0)).all()
    assert (after[~inside] == (10, 20, 30)).all()


def test_the_painting_in_the_repository_has_a_spot_to_paint() -> None:
    it = Sample.load()
    assert it.painting.size == it.mask.size == (1024, 768)
    assert it.region.width < 1024 and it.region.height < 768
    for upload in it.uploads():
        with Image.open(io.BytesIO(upload.data)) as picture:
            assert picture.size == (it.region.width, it.region.height)

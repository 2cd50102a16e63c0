"""The tour's painting and the region that goes to the engine."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageDraw

from wake_service.demo.sample import Region, Sample


def test_a_result_changes_nothing_outside_the_mask() -> None:
    mask = Image.new("L", (400, 304), 0)
    ImageDraw.Draw(mask).rectangle((150, 120, 200, 170), fill=255)
    it = Sample(Image.new("RGB", mask.size, (10, 20, 30)), mask, Region(120, 96, 128, 128))
    result = io.BytesIO()
    Image.new("RGB", (64, 64), (200, 0, 0)).save(result, "PNG")
    after = np.asarray(it.with_result(result.getvalue()))
    inside = np.asarray(it.mask) > 0
    assert (after[inside] == (200, 0, 0)).all()
    assert (after[~inside] == (10, 20, 30)).all()


def test_the_region_holds_the_whole_spot_in_a_size_that_engines_take() -> None:
    it = Sample.load()
    left, top, right, bottom = it.mask.point(lambda value: 255 * (value > 2)).getbbox() or (0, 0, 0, 0)
    assert it.region.x <= left < right <= it.region.x + it.region.width
    assert it.region.y <= top < bottom <= it.region.y + it.region.height
    assert (it.region.width % 8, it.region.height % 8) == (0, 0)


def test_picture_and_mask_go_over_the_wire_in_the_same_size() -> None:
    it = Sample.load()
    assert it.painting.size == it.mask.size == (1024, 768)
    for upload in it.uploads():
        with Image.open(io.BytesIO(upload.data)) as picture:
            assert picture.size == (it.region.width, it.region.height)

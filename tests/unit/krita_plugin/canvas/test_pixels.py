"""What happens to pixels between Krita and the service."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wakebrush.canvas import gray
from wakebrush.canvas.capture import Finished, UnreadablePicture
from wakebrush.canvas.gray import bits, plain
from wakebrush.canvas.grown import grown
from wakebrush.canvas.pixels import covering, finish, on_paper, prepare
from wakebrush.canvas.plan import Fill, Mask, ModelSize, PlanSettings, Rect, Scene, Task, plan
from wakebrush.canvas.soft_edge import feathered
from wakebrush.qt import QColor, QImage

from .images import (
    NOTHING_KEPT,
    a_capture,
    a_plan,
    a_region,
    coloured,
    layer_levels,
    levels_of,
    opaque,
    over,
    png,
    row,
    selected,
    transparent,
)

GRAY = QImage.Format.Format_Grayscale8


@given(st.integers(1, 90), st.integers(1, 90), st.integers(0, 40), st.integers(0, 40))
def test_a_result_in_the_asked_size_maps_back_onto_exactly_the_region(width, height, x, y):
    scene = Scene((90, 90), Rect(x, y, width, height))
    region = plan(scene, PlanSettings(Task.FILL, least_size=0), ModelSize(64, 64)).regions[0]
    layer = prepare(png(coloured(region.width, region.height, "#3c78b4")), region, NOTHING_KEPT)
    assert layer.area == region.area
    assert layer.bands[0].top == region.area.y
    assert sum(band.rows for band in layer.bands) == region.area.height
    assert all(bytes(band.pixels) == b"\xb4\x78\x3c\xff" * (region.area.width * band.rows) for band in layer.bands)


def test_a_result_of_the_regions_own_size_is_taken_to_the_byte():
    picture = coloured(64, 48, "black")
    for x in range(64):
        for y in range(48):
            picture.setPixelColor(x, y, QColor(4 * x, 5 * y, (x * y) % 256))
    layer = prepare(png(picture), a_region(Rect(8, 16, 64, 48)), NOTHING_KEPT)
    assert b"".join(bytes(band.pixels) for band in layer.bands) == bits(picture)


def test_a_large_result_comes_in_bands_without_gaps_or_overlaps():
    layer = prepare(png(coloured(700, 500, "red")), a_region(Rect(10, 20, 2100, 1500)), NOTHING_KEPT)
    assert len(layer.bands) > 1
    row_after = 20
    for band in layer.bands:
        assert band.top == row_after
        assert len(band.pixels) == 2100 * band.rows * 4
        row_after += band.rows
    assert row_after == 1520


def test_the_soft_edge_is_baked_in_without_touching_colours():
    alpha = plain(40, 8, 0)
    for x in range(40):
        for y in range(8):
            alpha.setPixelColor(x, y, QColor(x * 6, x * 6, x * 6))
    layer = prepare(png(coloured(40, 8, "#c8140a")), a_region(Rect(0, 0, 40, 8)), Finished(None, None, alpha))
    pixels = bytes(layer.bands[0].pixels)[: 40 * 4]
    assert [pixels[4 * x + 3] for x in range(40)] == [x * 6 for x in range(40)]
    assert {pixels[4 * x : 4 * x + 3] for x in range(40)} == {b"\x0a\x14\xc8"}


def test_bytes_that_are_no_picture_are_refused_with_a_sentence():
    with pytest.raises(UnreadablePicture, match="cannot be read"):
        prepare(b"<html>no picture</html>", a_region(Rect(0, 0, 8, 8)), NOTHING_KEPT)


def test_transparent_pixels_become_paper_so_that_no_dark_fringe_appears():
    drawing = QImage(3, 1, QImage.Format.Format_ARGB32)
    drawing.setPixelColor(0, 0, QColor(0, 0, 0, 0))
    drawing.setPixelColor(1, 0, QColor(200, 20, 10, 128))
    drawing.setPixelColor(2, 0, QColor(200, 20, 10, 255))
    paper = on_paper(drawing)
    assert paper.pixelColor(0, 0).getRgb() == (255, 255, 255, 255)
    assert paper.pixelColor(2, 0).getRgb() == (200, 20, 10, 255)
    soft = paper.pixelColor(1, 0).getRgb()
    assert all(abs(a - b) <= 2 for a, b in zip(soft[:3], (227, 137, 132), strict=True))


@pytest.mark.parametrize("feather", [2, 3, 5, 8, 13, 16, 17, 40, 64, 120])
def test_a_soft_edge_never_reaches_further_than_its_feather(feather):
    box = Rect(150, 150, 300, 300)
    soft = row(feathered(selected(600, 600, box), feather), 300)
    assert soft[: box.x - feather] == [0] * (box.x - feather)
    assert soft[box.right + feather :] == [0] * (600 - box.right - feather)
    middle = soft[box.x + feather : box.right - feather]
    assert min(middle) == 255
    rising = soft[box.x - feather : box.x + feather]
    assert rising == sorted(rising)
    assert sum(25 < value < 230 for value in rising) >= 0.7 * feather, "and it uses most of it"


def test_without_feather_the_selection_is_kept_to_the_pixel():
    box = selected(50, 50, Rect(10, 10, 20, 20))
    assert bits(feathered(box, 0)) == bits(box)


def test_a_selection_that_touches_the_border_of_the_canvas_stays_solid_there():
    soft = row(feathered(selected(200, 200, Rect(0, 0, 100, 200)), 16), 100)
    assert soft[:80] == [255] * 80


def test_the_engine_paints_everything_that_can_show():
    alpha = feathered(selected(300, 300, Rect(100, 100, 100, 100)), 20)
    mask = covering(alpha, 300, 300)
    for y in range(0, 300, 7):
        shows, painted = row(alpha, y), row(mask, y)
        assert all(paint == 255 for show, paint in zip(shows, painted, strict=True) if show)
        assert set(painted) <= {0, 255}


def test_what_is_sent_has_the_size_that_is_asked_for():
    made = plan(Scene((400, 300), Rect(40, 40, 100, 80)), PlanSettings(Task.FILL), ModelSize(512, 512))
    region, area = made.regions[0], made.regions[0].area
    pixels = coloured(area.width, area.height, "teal").convertToFormat(QImage.Format.Format_ARGB32)
    chosen = selected(area.width, area.height, Rect(40 - area.x, 40 - area.y, 100, 80))
    finished = finish(a_capture(made, pixels, chosen))
    assert (finished.image.width(), finished.image.height()) == (region.width, region.height)
    assert finished.image.format() == QImage.Format.Format_RGB32
    assert (finished.mask.width(), finished.mask.height()) == (region.width, region.height)
    assert (finished.alpha.width(), finished.alpha.height()) == (area.width, area.height)
    assert finished.mask.format() == finished.alpha.format() == GRAY


def test_a_selection_softens_the_layer_even_if_the_engine_gets_no_mask():
    region = a_region(Rect(0, 0, 80, 80), target=Rect(20, 20, 40, 40), feather=4)
    finished = finish(a_capture(a_plan(region, "text_to_image"), selection=selected(80, 80, Rect(20, 20, 40, 40))))
    assert finished.mask is None and finished.image is None
    assert finished.alpha.pixelColor(40, 40).red() == 255
    assert finished.alpha.pixelColor(5, 40).red() == 0


def test_another_part_of_the_selection_is_not_painted_by_this_picture():
    both = selected(200, 100, Rect(10, 10, 40, 40))
    for x in range(150, 190):
        both.setPixelColor(x, 30, QColor("white"))
    region = a_region(Rect(0, 0, 200, 100), target=Rect(10, 10, 40, 40), feather=4)
    finished = finish(a_capture(a_plan(region), coloured(200, 100, "teal"), both))
    assert finished.alpha.pixelColor(30, 30).red() == 255
    assert max(row(finished.alpha, 30)[140:]) == 0


def test_what_lies_under_the_mask_is_filled_before_it_is_sent():
    pixels = coloured(100, 100, "#204060")
    region = a_region(Rect(0, 0, 100, 100), target=Rect(30, 30, 40, 40), fill=Fill.NEUTRAL)
    finished = finish(a_capture(a_plan(region), pixels, selected(100, 100, Rect(30, 30, 40, 40))))
    assert finished.image.pixelColor(50, 50).getRgb()[:3] == (128, 128, 128)
    assert finished.image.pixelColor(5, 5).name() == "#204060"


def test_a_larger_canvas_is_painted_outside_and_blends_into_the_old_part():
    chosen = PlanSettings(Task.EXPAND, margins=(0, 0, 128, 0), feather=10, feather_least=8)
    made = plan(Scene((256, 256)), chosen, ModelSize(256, 256))
    region = made.regions[0]
    assert region.area == Rect(0, 0, 384, 256)
    pixels = QImage(384, 256, QImage.Format.Format_ARGB32)
    pixels.fill(0)
    for x in range(256):
        for y in range(256):
            pixels.setPixelColor(x, y, QColor("#a05028"))
    finished = finish(a_capture(made, pixels))
    shown = row(finished.alpha, 100)
    assert shown[256:] == [255] * 128, "nothing of what is new is transparent"
    assert shown[0] == 0 and max(shown[: 256 - 2 * region.feather]) == 0
    assert 0 < shown[256 - region.feather] < 255
    outside = levels_of(finished.image)[100, 380 * region.width // 384, :3]
    assert np.abs(outside - (160, 80, 40)).max() <= 3, "the colours at the border are carried outward"


def test_transparent_parts_are_painted_wholly_and_opaque_ones_kept():
    region = a_region(Rect(0, 0, 200, 100), target=Rect(90, 0, 110, 100), mask=Mask.HOLES, grow=10, feather=10)
    levels = np.full((100, 200, 4), 90.0)
    levels[:, :, 3] = 255
    levels[:, 120:, 3] = 0
    levels[:, 118:120, 3] = 128
    finished = finish(a_capture(a_plan(region), transparent(levels)))
    shown = row(finished.alpha, 50)
    assert shown[118:] == [255] * 82
    assert max(shown[:90]) == 0


def line_art() -> np.ndarray:
    """A round dark red line on nothing, with the soft edge that a brush leaves."""
    y, x = np.mgrid[0:128, 0:128]
    away = np.abs(np.hypot(x - 64, y - 64) - 40)
    levels = np.zeros((128, 128, 4))
    levels[..., 0] = 120
    levels[..., 3] = np.round(np.clip(6 - away, 0, 4) / 4 * 255)
    return levels


@pytest.mark.parametrize("behind", [255, 0, 90])
def test_line_art_on_transparency_comes_back_without_a_fringe(behind):
    drawing = line_art()
    region = a_region(Rect(0, 0, 128, 128))
    made = a_plan(region, "image_to_image", keep_transparency=True)
    finished = finish(a_capture(made, transparent(drawing)))
    layer = layer_levels(prepare(png(finished.image), region, finished))
    assert np.array_equal(layer[..., 3], drawing[..., 3])
    paper = np.full((128, 128, 3), float(behind))
    assert np.abs(over(layer, paper) - over(drawing, paper)).max() <= 2


def test_a_selection_and_the_inputs_own_transparency_both_count():
    drawing = line_art()
    region = a_region(Rect(0, 0, 128, 128), target=Rect(0, 0, 64, 128))
    made = a_plan(region, keep_transparency=True)
    finished = finish(a_capture(made, transparent(drawing), selected(128, 128, Rect(0, 0, 64, 128))))
    layer = layer_levels(prepare(png(finished.image), region, finished))
    assert layer[:, 64:, 3].max() == 0
    assert np.abs(layer[:, :64, 3] - drawing[:, :64, 3]).max() <= 1


def test_without_keep_transparency_the_result_is_opaque():
    region = a_region(Rect(0, 0, 128, 128))
    finished = finish(a_capture(a_plan(region, "image_to_image"), transparent(line_art())))
    assert finished.opacity is None
    assert layer_levels(prepare(png(finished.image), region, finished))[..., 3].min() == 255


def test_a_result_is_matched_only_where_that_was_planned():
    sent = opaque(np.full((64, 64, 3), 100.0))
    came = png(opaque(np.full((64, 64, 3), 110.0)))
    mask = selected(64, 64, Rect(20, 20, 20, 20))
    region = a_region(Rect(0, 0, 64, 64), target=Rect(20, 20, 20, 20), match_colours=True)
    kept = Finished(sent, mask, None)
    assert layer_levels(prepare(came, region, kept))[30, 30, 0] == 100
    assert layer_levels(prepare(came, replace(region, match_colours=False), kept))[30, 30, 0] == 110
    assert layer_levels(prepare(came, region, replace(kept, mask=plain(64, 64, 255))))[30, 30, 0] == 110
    assert levels_of(sent)[0, 0, 0] == 100


@pytest.mark.parametrize("by", [1, 3, 7, 12, 15, 16, 20, 40, 75, 120])
def test_a_grown_selection_reaches_as_far_as_it_should_and_no_farther(by):
    wide = row(grown(selected(600, 400, Rect(250, 150, 100, 100)), by), 200)
    assert set(wide) == {0, 255}
    first, last = wide.index(255), 600 - wide[::-1].index(255)
    slack = 1 + by // 8
    assert 250 - by - 1 <= first <= 250 - by + slack
    assert 350 + by - slack <= last <= 350 + by + 1
    untouched = selected(60, 40, Rect(20, 10, 20, 20))
    assert grown(untouched, 0) is untouched


def test_a_picture_worked_on_in_bands_is_what_it_is_as_a_whole():
    width, height = 513, 3 * gray.BAND_PIXELS // 513 + 1
    rng = np.random.default_rng(0)
    values = rng.integers(0, 256, (height, width), np.uint8)
    whole = QImage(values.tobytes(), width, height, width, QImage.Format.Format_Grayscale8).copy()
    assert gray.gray_image(values.tobytes(), width, height) == whole
    assert gray.gray_bytes(whole) == values.tobytes()
    assert gray.mapped(whole, gray.INVERTED) == gray.gray_image((255 - values).tobytes(), width, height)
    coloured = QImage(
        rng.integers(0, 256, 4 * width * height, np.uint8).tobytes(), width, height, 4 * width, QImage.Format.Format_ARGB32
    )
    for kind in (QImage.Format.Format_RGB32, QImage.Format.Format_RGB888, QImage.Format.Format_Grayscale8):
        assert gray.converted(coloured, kind) == coloured.convertToFormat(kind)
    box = Rect(1, 600, 3, 500)
    inside = np.zeros_like(values)
    inside[600:1100, 1:4] = values[600:1100, 1:4]
    assert gray.gray_bytes(gray.only_within(whole, box)) == inside.tobytes()

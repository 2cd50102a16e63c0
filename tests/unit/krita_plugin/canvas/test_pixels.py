"""What happens to pixels between Krita and the service."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wakebrush.canvas.base import Capture, UnreadablePicture
from wakebrush.canvas.pixels import bits, covering, finish, gray_bytes, on_paper, prepare
from wakebrush.canvas.region import ModelSize, Rect, RegionPlan, RegionSettings, plan
from wakebrush.canvas.soft_edge import feathered
from wakebrush.qt import QBuffer, QByteArray, QColor, QImage, QIODevice, QPainter, QRect

GRAY = QImage.Format.Format_Grayscale8


def png(image: QImage) -> bytes:
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    assert image.save(buffer, "PNG")
    return bytes(buffer.data())


def plain(width: int, height: int, color: str) -> QImage:
    image = QImage(width, height, QImage.Format.Format_RGB32)
    image.fill(QColor(color))
    return image


def selected(width: int, height: int, box: Rect) -> QImage:
    image = QImage(width, height, GRAY)
    image.fill(0)
    painter = QPainter(image)
    painter.fillRect(QRect(box.x, box.y, box.width, box.height), QColor("white"))
    painter.end()
    return image


def row(image: QImage, y: int) -> list[int]:
    return [image.pixelColor(x, y).red() for x in range(image.width())]


def capture(planned: RegionPlan, pixels: QImage | None = None, selection: QImage | None = None, mask: bool = True) -> Capture:
    packed = None if selection is None else QByteArray(gray_bytes(selection))
    return Capture("document", "", planned, pixels, packed, mask)


@given(st.integers(1, 90), st.integers(1, 90), st.integers(0, 40), st.integers(0, 40))
def test_a_result_in_the_asked_size_maps_back_onto_exactly_the_region(width, height, x, y):
    planned = plan(Rect(x, y, width, height), (90, 90), RegionSettings(padding=3), ModelSize(64, 64))
    if not planned.selected:
        return
    layer = prepare(png(plain(planned.width, planned.height, "#3c78b4")), planned.area, None)
    assert layer.area == planned.area
    assert layer.bands[0].top == planned.area.y
    assert sum(band.rows for band in layer.bands) == planned.area.height
    assert all(bytes(band.pixels) == b"\xb4\x78\x3c\xff" * (planned.area.width * band.rows) for band in layer.bands)


def test_a_result_of_the_regions_own_size_is_taken_to_the_byte():
    picture = plain(64, 48, "black")
    for x in range(64):
        for y in range(48):
            picture.setPixelColor(x, y, QColor(4 * x, 5 * y, (x * y) % 256))
    layer = prepare(png(picture), Rect(8, 16, 64, 48), None)
    assert b"".join(bytes(band.pixels) for band in layer.bands) == bits(picture)


def test_a_large_result_comes_in_bands_without_gaps_or_overlaps():
    layer = prepare(png(plain(700, 500, "red")), Rect(10, 20, 2100, 1500), None)
    assert len(layer.bands) > 1
    row_after = 20
    for band in layer.bands:
        assert band.top == row_after
        assert len(band.pixels) == 2100 * band.rows * 4
        row_after += band.rows
    assert row_after == 1520


def test_the_soft_edge_is_baked_in_without_touching_colours():
    alpha = QImage(40, 8, GRAY)
    alpha.fill(0)
    for x in range(40):
        for y in range(8):
            alpha.setPixelColor(x, y, QColor(x * 6, x * 6, x * 6))
    layer = prepare(png(plain(40, 8, "#c8140a")), Rect(0, 0, 40, 8), alpha)
    pixels = bytes(layer.bands[0].pixels)[: 40 * 4]
    assert [pixels[4 * x + 3] for x in range(40)] == [x * 6 for x in range(40)]
    assert {pixels[4 * x : 4 * x + 3] for x in range(40)} == {b"\x0a\x14\xc8"}


def test_bytes_that_are_no_picture_are_refused_with_a_sentence():
    with pytest.raises(UnreadablePicture, match="cannot be read"):
        prepare(b"<html>no picture</html>", Rect(0, 0, 8, 8), None)


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
    planned = plan(Rect(40, 40, 100, 80), (400, 300), RegionSettings(), ModelSize(512, 512))
    area = planned.area
    pixels = plain(area.width, area.height, "teal").convertToFormat(QImage.Format.Format_ARGB32)
    chosen = selected(area.width, area.height, Rect(40 - area.x, 40 - area.y, 100, 80))
    finished = finish(capture(planned, pixels, chosen))
    assert (finished.image.width(), finished.image.height()) == (planned.width, planned.height)
    assert finished.image.format() == QImage.Format.Format_RGB32
    assert (finished.mask.width(), finished.mask.height()) == (planned.width, planned.height)
    assert (finished.alpha.width(), finished.alpha.height()) == (area.width, area.height)
    assert finished.mask.format() == finished.alpha.format() == GRAY


def test_a_mask_without_a_selection_is_white_all_over():
    finished = finish(capture(RegionPlan(Rect(0, 0, 70, 70), 64, 64, selected=False)))
    assert set(row(finished.mask, 10)) == {255}
    assert finished.alpha is None and finished.image is None


def test_a_selection_softens_the_layer_even_if_the_engine_gets_no_mask():
    planned = RegionPlan(Rect(0, 0, 80, 80), 80, 80, selected=True, feather=4)
    finished = finish(capture(planned, selection=selected(80, 80, Rect(20, 20, 40, 40)), mask=False))
    assert finished.mask is None
    assert finished.alpha.pixelColor(40, 40).red() == 255

"""What happens to pixels between Krita and the service: Qt images in, Qt images out, in any thread.

Work is done in bands of rows, because most image calls keep Python's lock and the GUI thread should get it back within
a few milliseconds.
"""

from __future__ import annotations

from ..qt import QByteArray, QImage, QPainter, QRect, Qt
from .capture import Band, Capture, Finished, LayerPixels
from .fill import filled
from .gray import (
    ANY_TO_WHITE,
    INVERTED,
    LAYER_BAND_PIXELS,
    NOT_OPAQUE_TO_WHITE,
    alpha_of,
    assembled,
    bands_of,
    bits,
    converted,
    gray_bytes,
    gray_image,
    mapped,
    multiplied,
    only_within,
    outside_of,
    plain,
)
from .grown import grown
from .plan import RegionPlan
from .resample import decoded, scaled
from .scene import Mask
from .seam import Correction, can_match
from .soft_edge import feathered

RGB32 = QImage.Format.Format_RGB32
STRAIGHT = QImage.Format.Format_ARGB32
PREMULTIPLIED = QImage.Format.Format_ARGB32_Premultiplied


def finish(capture: Capture) -> Finished:
    """See Canvas.finish."""
    plan, region = capture.plan, capture.region
    edge = _edge(capture)
    alpha = None if edge is None else feathered(edge, region.feather)
    mask = image = opacity = None
    if plan.needs_mask:
        mask = plain(region.width, region.height, 255) if alpha is None else covering(alpha, region.width, region.height)
    if capture.pixels is not None and plan.mode != "text_to_image":
        image = converted(scaled(on_paper(capture.pixels), region.width, region.height), RGB32)
        if mask is not None:
            image = filled(image, mask, region.fill)
    if capture.pixels is not None and plan.keep_transparency:
        opacity = alpha_of(capture.pixels)
    return Finished(image, mask, alpha, opacity)


def prepare(picture: bytes, region: RegionPlan, kept: Finished) -> LayerPixels:
    """See Canvas.prepare."""
    area = region.area
    image = decoded(picture, area.width, area.height)
    correction = None
    if region.match_colours and kept.image is not None and kept.mask is not None and can_match(kept.mask):
        correction = Correction(kept.image, kept.mask, image)
    bands = []
    for top, rows in bands_of(area.width, area.height, LAYER_BAND_PIXELS):
        band = image.copy(0, top, area.width, rows)
        if correction is not None:
            band = correction.apply(band, top)
        bands.append(Band(area.y + top, rows, QByteArray(_laid_over(band, top, kept))))
    return LayerPixels(area, tuple(bands))


def _laid_over(band: QImage, top: int, kept: Finished) -> bytes:
    """The pixels of some rows of a layer, from row `top` of its area on."""
    width, rows = band.width(), band.height()
    shown = None if kept.alpha is None else gray_bytes(kept.alpha.copy(0, top, width, rows))
    if kept.opacity is not None:
        opacity = kept.opacity.copy(0, top, width, rows)
        band = off_paper(band, opacity)
        shown = gray_bytes(opacity) if shown is None else multiplied(gray_bytes(opacity), shown, width)
    pixels = bits(band.convertToFormat(STRAIGHT))
    if shown is None:
        return pixels
    # Not QImage.setAlphaChannel: it goes through premultiplied colours, which loses them where alpha is low.
    transparent = bytearray(pixels)
    transparent[3::4] = shown
    return bytes(transparent)


def on_paper(pixels: QImage) -> QImage:
    """The pixels on white: engines know no transparency, and would see black where there is none."""
    width, height = pixels.width(), pixels.height()

    def band(top: int, rows: int) -> QImage:
        paper = QImage(width, rows, RGB32)
        paper.fill(Qt.GlobalColor.white)
        painter = QPainter(paper)
        painter.drawImage(QRect(0, 0, width, rows), pixels, QRect(0, top, width, rows))
        painter.end()
        return paper

    return assembled(width, height, RGB32, band)


def off_paper(painted: QImage, opacity: QImage) -> QImage:
    """What was painted on white, with its own colours where it is transparent: without the paper that shows through there.

    The paper's part of a pixel is 255 less its opacity; what is left is the colour times the opacity, which is what a
    premultiplied image holds.
    """
    width, height = painted.width(), painted.height()
    own = painted.convertToFormat(RGB32)
    own.invertPixels()
    painter = QPainter(own)
    painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_Plus)
    painter.drawImage(0, 0, mapped(opacity, INVERTED))
    painter.end()
    own.invertPixels()
    pixels = bytearray(bits(own))
    pixels[3::4] = gray_bytes(opacity)
    return QImage(bytes(pixels), width, height, 4 * width, PREMULTIPLIED).convertToFormat(STRAIGHT)


def covering(alpha: QImage, width: int, height: int) -> QImage:
    """White wherever `alpha` lets anything of the result show, so that nothing shows that was not painted."""
    return mapped(converted(scaled(alpha, width, height), QImage.Format.Format_Grayscale8), ANY_TO_WHITE)


def _edge(capture: Capture) -> QImage | None:
    """Where the region is painted, with a hard edge; None: everywhere."""
    region, area = capture.region, capture.region.area
    if region.mask is Mask.MARGINS:
        kept = capture.plan.kept_within(region.grow)
        return outside_of(kept.moved(-area.x, -area.y), area.width, area.height)
    if region.mask is Mask.HOLES and capture.pixels is not None:
        holes = mapped(alpha_of(capture.pixels), NOT_OPAQUE_TO_WHITE)
        return grown(holes, region.grow)
    if capture.selection is None or region.target is None:
        return None
    edge = grown(gray_image(capture.selection, area.width, area.height), region.grow)
    return only_within(edge, region.target.moved(-area.x, -area.y))

"""What is under the mask before the engine begins. Qt images in, Qt images out, for worker threads."""

from __future__ import annotations

import random

from ..qt import QColor, QImage, QPainter, Qt
from .gray import ANY_TO_WHITE, NOTHING_TO_WHITE, assembled, bits, gray_bytes, gray_image
from .resample import scaled
from .scene import Fill

NEUTRAL = QColor(128, 128, 128)
REDUCED = 256
"""What is carried inward is smooth anyway: it is computed in a picture of so many pixels along its longer side."""
FORMS = 24
"""A picture that is reduced to so many pixels has lost its forms and kept its light."""
SCATTER = (12, 48)
"""Sizes of the patches of a scatter, as patches along the longer side: large ones with small ones among them."""

RGB32 = QImage.Format.Format_RGB32
STRAIGHT = QImage.Format.Format_ARGB32
PREMULTIPLIED = QImage.Format.Format_ARGB32_Premultiplied


def filled(image: QImage, mask: QImage, fill: Fill) -> QImage:
    """`image` (RGB32) with something else where `mask` (Grayscale8, same size) is white."""
    if fill is Fill.NONE:
        return image
    width, height = image.width(), image.height()
    if fill is Fill.NEUTRAL:
        return overlaid(image, _plain(width, height), mask)
    if fill is Fill.BLUR:
        small = scaled(image, *reduced(width, height, FORMS))
    else:
        size = reduced(width, height, REDUCED)
        few, hidden = scaled(image, *size), scaled(mask, *size)
        small = carried_inward(few, hidden) if fill in (Fill.BORDER, Fill.MODEL) else _scattered(few, hidden)
    return overlaid(image, scaled(small.convertToFormat(RGB32), width, height), mask)


def overlaid(image: QImage, over: QImage, mask: QImage) -> QImage:
    """`image` (RGB32) with `over` as far as `mask` is white."""
    width = image.width()

    def band(top: int, rows: int) -> QImage:
        result = image.copy(0, top, width, rows)
        painter = QPainter(result)
        painter.drawImage(0, 0, with_alpha(over.copy(0, top, width, rows), mask.copy(0, top, width, rows)))
        painter.end()
        return result

    return assembled(width, image.height(), image.format(), band)


def with_alpha(image: QImage, alpha: QImage) -> QImage:
    """The image (32-bit) with straight alpha of its own (Grayscale8). QImage.setAlphaChannel goes through premultiplied
    colours, which loses them where alpha is low."""
    pixels = bytearray(bits(image.convertToFormat(STRAIGHT)))
    pixels[3::4] = gray_bytes(alpha)
    return QImage(bytes(pixels), image.width(), image.height(), 4 * image.width(), STRAIGHT).copy()


def carried_inward(image: QImage, hidden: QImage) -> QImage:
    """The colours around what `hidden` (Grayscale8 or 32-bit) is not black in, carried on into it, ever smoother.

    The picture is halved again and again, from what is known only; then each step fills what the finer one does not know.
    Any 32-bit format comes back. Grey where nothing is known.
    """
    level = with_alpha(image, _known(hidden)).convertToFormat(PREMULTIPLIED)
    levels = [level]
    while max(level.width(), level.height()) > 1:
        level = _halved(level)
        levels.append(level)
    result = _plain(1, 1)
    for level in reversed(levels):
        result = _stretched(result, level.width(), level.height())
        painter = QPainter(result)
        painter.drawImage(0, 0, level)
        painter.end()
    return result


def reduced(width: int, height: int, most: int) -> tuple[int, int]:
    """The size of a smaller picture of that shape, `most` pixels along its longer side; never a larger one."""
    scale = min(1.0, most / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def _known(hidden: QImage) -> QImage:
    """White where nothing is hidden."""
    values = gray_bytes(hidden.convertToFormat(QImage.Format.Format_Grayscale8))
    return gray_image(values.translate(NOTHING_TO_WHITE), hidden.width(), hidden.height())


def _halved(level: QImage) -> QImage:
    """Half the size; a pixel is fully known where any of its four is."""
    half = _stretched(level, max(1, level.width() // 2), max(1, level.height() // 2)).convertToFormat(STRAIGHT)
    pixels = bytearray(bits(half))
    pixels[3::4] = bytes(pixels[3::4]).translate(ANY_TO_WHITE)
    return QImage(bytes(pixels), half.width(), half.height(), 4 * half.width(), STRAIGHT).convertToFormat(PREMULTIPLIED)


def _stretched(image: QImage, width: int, height: int) -> QImage:
    return image.scaled(width, height, Qt.AspectRatioMode.IgnoreAspectRatio, Qt.TransformationMode.SmoothTransformation)


def _scattered(image: QImage, hidden: QImage) -> QImage:
    """Patches of colours that are found around what is hidden, in no order; always the same for the same picture."""
    known = gray_bytes(hidden.convertToFormat(QImage.Format.Format_Grayscale8))
    pixels = bits(image.convertToFormat(RGB32))
    places = [place for place, value in enumerate(known) if value == 0]
    if not places:
        return _plain(image.width(), image.height())
    chance, result = random.Random(0), None
    for patches in SCATTER:
        width, height = reduced(image.width(), image.height(), patches)
        chosen = chance.choices(places, k=width * height)
        colours = b"".join(pixels[4 * place : 4 * place + 4] for place in chosen)
        layer = _stretched(QImage(colours, width, height, 4 * width, RGB32).copy(), image.width(), image.height())
        if result is None:
            result = layer
            continue
        painter = QPainter(result)
        painter.setOpacity(0.5)
        painter.drawImage(0, 0, layer)
        painter.end()
    return result


def _plain(width: int, height: int) -> QImage:
    image = QImage(width, height, RGB32)
    image.fill(NEUTRAL)
    return image

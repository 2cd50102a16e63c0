"""Pictures for the tests of pixels: numpy arrays and Qt images."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from wakebrush.canvas.capture import Capture, Finished, LayerPixels
from wakebrush.canvas.gray import bits, gray_bytes, plain
from wakebrush.canvas.plan import Mask, PaintPlan, Rect, RegionPlan, Task
from wakebrush.qt import QBuffer, QByteArray, QColor, QImage, QIODevice, QPainter, QRect

Levels = npt.NDArray[np.float64]
NOTHING_KEPT = Finished(None, None, None)


def png(image: QImage) -> bytes:
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    assert image.save(buffer, "PNG")
    return bytes(buffer.data())


def coloured(width: int, height: int, color: str) -> QImage:
    image = QImage(width, height, QImage.Format.Format_RGB32)
    image.fill(QColor(color))
    return image


def selected(width: int, height: int, box: Rect) -> QImage:
    image = plain(width, height, 0)
    painter = QPainter(image)
    painter.fillRect(QRect(box.x, box.y, box.width, box.height), QColor("white"))
    painter.end()
    return image


def row(image: QImage, y: int) -> list[int]:
    return [image.pixelColor(x, y).red() for x in range(image.width())]


def opaque(levels: Levels) -> QImage:
    """Red, green and blue from 0 to 255 as an RGB32 image."""
    height, width, _ = levels.shape
    pixels = np.full((height, width, 4), 255, np.uint8)
    pixels[..., :3] = np.clip(np.round(levels), 0, 255)[..., ::-1]
    return QImage(pixels.tobytes(), width, height, 4 * width, QImage.Format.Format_RGB32).copy()


def transparent(levels: Levels) -> QImage:
    """Red, green, blue and straight alpha as an ARGB32 image."""
    height, width, _ = levels.shape
    pixels = np.round(levels)[..., [2, 1, 0, 3]].astype(np.uint8)
    return QImage(pixels.tobytes(), width, height, 4 * width, QImage.Format.Format_ARGB32).copy()


def levels_of(image: QImage) -> Levels:
    """Red, green, blue and the fourth byte of a 32-bit image."""
    pixels = np.frombuffer(bits(image), np.uint8).reshape(image.height(), image.width(), 4)
    return pixels[..., [2, 1, 0, 3]].astype(float)


def layer_levels(layer: LayerPixels) -> Levels:
    """Red, green, blue and alpha of a layer."""
    pixels = np.frombuffer(b"".join(bytes(band.pixels) for band in layer.bands), np.uint8)
    return pixels.reshape(layer.area.height, layer.area.width, 4)[..., [2, 1, 0, 3]].astype(float)


def over(layer: Levels, paper: Levels) -> Levels:
    """A layer (with straight alpha) over something opaque."""
    alpha = layer[..., 3:] / 255
    return layer[..., :3] * alpha + paper[..., :3] * (1 - alpha)


def a_plan(region: RegionPlan, mode: str = "inpaint", keep_transparency: bool = False) -> PaintPlan:
    return PaintPlan(Task.FILL, mode, 1.0, (region,), region.area, region.area, keep_transparency)


def a_capture(plan: PaintPlan, pixels: QImage | None = None, selection: QImage | None = None) -> Capture:
    packed = None if selection is None else QByteArray(gray_bytes(selection))
    return Capture("document", "", plan, plan.regions[0], pixels, packed)


def a_region(area: Rect, target: Rect | None = None, **more: object) -> RegionPlan:
    """A region that is asked for in its own size; with a target, a selection says where it is painted."""
    mask = Mask.ALL if target is None else Mask.SELECTION
    return RegionPlan(area, **{"width": area.width, "height": area.height, "mask": mask, "target": target, **more})  # type: ignore[arg-type]

"""The picture in the making: in the docker, and in its place over the canvas; never a layer."""

from __future__ import annotations

from functools import partial

from ..canvas.base import Canvas
from ..journal import Journal
from ..qt import QImage, QObject, Qt, Signal
from .link import Link
from .pictures import decode
from .under_way import UnderWay

_GRAY = QImage.Format.Format_Grayscale8


class StepPreviews(QObject):
    """`changed(QImage | None)`: the newest preview of the picture that the bar is about."""

    changed = Signal(object)

    def __init__(self, link: Link, canvas: Canvas, journal: Journal) -> None:
        super().__init__()
        self._link = link
        self._canvas = canvas
        self._journal = journal
        self._number = 0
        self._of: UnderWay | None = None
        self._alpha: tuple[str, QImage | None] = ("", None)

    def take(self, picture: UnderWay, content: bytes, *, on_canvas: bool) -> None:
        """A preview has come. Only the newest is shown, however slowly they are decoded."""
        self._number += 1
        self._of = picture
        work = partial(self._decode, picture.key, content)
        self._link.lanes.run("preview", work, partial(self._decoded, picture, self._number, on_canvas))

    def clear(self) -> None:
        """Nothing is in the making any more."""
        if self._of is not None:
            self._of = None
            self._canvas.overlay.hide_preview()
            self.changed.emit(None)

    def _decode(self, key: str, content: bytes) -> tuple[QImage, QImage]:
        image = decode(content)
        return image, self._masked(key, image)

    def _masked(self, key: str, image: QImage) -> QImage:
        """As much of it as will show of the result."""
        if self._alpha[0] != key:
            stored = self._journal.picture(key, "alpha")
            self._alpha = key, None if stored is None else decode(stored).convertToFormat(_GRAY)
        alpha = self._alpha[1]
        if alpha is None:
            return image
        shown = image.convertToFormat(QImage.Format.Format_ARGB32_Premultiplied)
        shown.setAlphaChannel(
            alpha.scaled(image.size(), Qt.AspectRatioMode.IgnoreAspectRatio, Qt.TransformationMode.SmoothTransformation)
        )
        return shown

    def _decoded(self, picture: UnderWay, number: int, on_canvas: bool, images: tuple[QImage, QImage]) -> None:
        if number != self._number or self._of is not picture:
            return
        if on_canvas and picture.document_id:
            self._canvas.overlay.preview(((images[1], picture.area),), document_id=picture.document_id)
        self.changed.emit(images[0])

"""The painting of the tour, and the spot in it where something is missing."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

FOLDER = Path(__file__).parent / "sample"
PROMPT = "a white lighthouse with a red lantern on the headland, evening light, gouache"
STYLE = "practice-gouache"
SEED = 7
#: Painting around the spot that the engine sees, in pixels; engines work on sizes that are multiples of STEP.
PADDING, STEP = 72, 8


@dataclass(frozen=True, slots=True)
class Region:
    """A rectangle of the painting, in pixels."""

    x: int
    y: int
    width: int
    height: int

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Left, top, right, bottom, as Pillow wants it."""
        return self.x, self.y, self.x + self.width, self.y + self.height

    def as_json(self) -> dict[str, int]:
        return {"x": self.x, "y": self.y, "width": self.width, "height": self.height}


@dataclass(frozen=True, slots=True)
class Upload:
    """A picture as it goes over the wire."""

    data: bytes

    @property
    def sha256(self) -> str:
        """Its checksum, which is its address on the service."""
        return hashlib.sha256(self.data).hexdigest()


class Sample:
    """The painting (RGB) and its mask (white is painted) with the region around the spot."""

    def __init__(self, painting: Image.Image, mask: Image.Image) -> None:
        self.painting = painting.convert("RGB")
        self.mask = mask.convert("L")
        self.region = self._region()

    @classmethod
    def load(cls) -> Sample:
        """The one in the repository."""
        with Image.open(FOLDER / "painting.png") as painting, Image.open(FOLDER / "mask.png") as mask:
            return cls(painting, mask)

    def uploads(self) -> tuple[Upload, Upload]:
        """Picture and mask of the region."""
        return _png(self.painting.crop(self.region.box)), _png(self.mask.crop(self.region.box))

    def with_result(self, data: bytes) -> Image.Image:
        """The painting with a result laid into its place, through the mask. Raises OSError when it is no picture."""
        with Image.open(io.BytesIO(data)) as result:
            fitted = result.convert("RGB").resize((self.region.width, self.region.height), Image.Resampling.LANCZOS)
        after = self.painting.copy()
        after.paste(fitted, (self.region.x, self.region.y), self.mask.crop(self.region.box))
        return after

    def _region(self) -> Region:
        left, top, right, bottom = self.mask.getbbox() or (0, 0, *self.mask.size)
        x, width = _around(left, right, self.mask.width)
        y, height = _around(top, bottom, self.mask.height)
        return Region(x, y, width, height)


def _around(start: int, end: int, limit: int) -> tuple[int, int]:
    """Start and length of a padded span inside 0..limit; the length is a multiple of STEP."""
    length = min(limit // STEP * STEP, -(-(end - start + 2 * PADDING) // STEP) * STEP)
    middle = (start + end) // 2
    return min(max(0, middle - length // 2), limit - length), length


def _png(image: Image.Image) -> Upload:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=1)
    return Upload(buffer.getvalue())

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
SEED = 12


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


#: What the engine sees: the spot with enough around it, in a size that engines take (multiples of 8). The spot lies at two thirds
#: of its width, where a picture's subject stands well.
REGION = Region(512, 0, 384, 528)


class Sample:
    """The painting (RGB), its mask (white is painted) and the region around the spot."""

    def __init__(self, painting: Image.Image, mask: Image.Image, region: Region = REGION) -> None:
        self.painting = painting.convert("RGB")
        self.mask = mask.convert("L")
        self.region = region

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


def _png(image: Image.Image) -> Upload:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=1)
    return Upload(buffer.getvalue())

"""The PNG writer's files are read by others, pixel for pixel."""

import io

import numpy as np
import pytest
from PIL import Image

from wakebrush.qt import QImage
from wakebrush.session.encoder import Encoder
from wakebrush.session.png import encode_opaque


def picture(width: int, height: int) -> tuple[QImage, np.ndarray]:
    """Noise, every fourth row plain: its colours as rows of red, green, blue."""
    colours = np.random.default_rng(width).integers(0, 256, (height, width, 3), np.uint8)
    colours[::4] = (255, 0, 128)
    memory = np.dstack([colours[..., ::-1], np.full((height, width, 1), 255, np.uint8)]).tobytes()
    return QImage(memory, width, height, 4 * width, QImage.Format.Format_RGB32).copy(), colours


@pytest.mark.parametrize("size", [(1, 1), (7, 5), (64, 300), (1021, 1000), (2048, 1040)])
def test_every_pixel_comes_back_whatever_the_size(size):
    image, colours = picture(*size)
    read = Image.open(io.BytesIO(encode_opaque(image)))
    read.load()
    assert (read.format, read.mode, read.size) == ("PNG", "RGB", size)
    assert (np.asarray(read) == colours).all()


def test_qt_reads_the_file_as_the_same_picture():
    image, _ = picture(130, 70)
    assert QImage.fromData(encode_opaque(image), "PNG").convertToFormat(QImage.Format.Format_RGB32) == image


def test_what_is_opaque_is_sent_so_and_other_pictures_keep_their_kind():
    image, _ = picture(64, 64)
    mask = QImage(64, 64, QImage.Format.Format_Grayscale8)
    mask.fill(77)
    files = Encoder().encode_all({"image": image, "mask": mask})
    assert files["image"] == encode_opaque(image)
    assert Image.open(io.BytesIO(files["mask"])).mode == "L"

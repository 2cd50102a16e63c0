"""Whether anything is painted, found out a few tiles at a time."""

from wakebrush.canvas.emptiness import TILE, TILES_A_LOOK, EmptinessScan
from wakebrush.canvas.plan import Rect
from wakebrush.qt import QColor, QImage

from .images import coloured


class Paper:
    """A document that counts how often it is read."""

    def __init__(self, width: int, height: int, colour: str = "#fff8e0") -> None:
        self.image = coloured(width, height, colour)
        self.reads = 0

    def projection(self, x: int, y: int, width: int, height: int) -> QImage:
        self.reads += 1
        return self.image.copy(x, y, width, height)


def area_of(paper: Paper) -> Rect:
    return Rect(0, 0, paper.image.width(), paper.image.height())


def test_paper_of_one_colour_is_empty_however_often_it_is_looked_at() -> None:
    paper, scan = Paper(700, 500), EmptinessScan()
    assert all(scan.look(paper, "d", area_of(paper)) for _ in range(5))


def test_one_pixel_is_found_within_one_round() -> None:
    paper, scan = Paper(16 * TILE, 16 * TILE), EmptinessScan()
    paper.image.setPixelColor(3, 16 * TILE - 2, QColor("black"))
    looks = -(-16 * 16 // TILES_A_LOOK)
    assert not all(scan.look(paper, "d", area_of(paper)) for _ in range(looks))


def test_a_look_reads_a_few_tiles_only() -> None:
    paper, scan = Paper(16 * TILE, 16 * TILE), EmptinessScan()
    scan.look(paper, "d", area_of(paper))
    assert paper.reads <= TILES_A_LOOK + 1


def test_where_something_was_found_is_looked_at_first() -> None:
    paper, scan = Paper(8 * TILE, 8 * TILE), EmptinessScan()
    paper.image.setPixelColor(4 * TILE, 4 * TILE, QColor("black"))
    assert not scan.look(paper, "d", area_of(paper))
    paper.reads = 0
    assert not scan.look(paper, "d", area_of(paper))
    assert paper.reads == 2, "the paper's colour and that tile"


def test_what_was_painted_and_taken_back_is_empty_again() -> None:
    paper, scan = Paper(2 * TILE, TILE), EmptinessScan()
    paper.image.setPixelColor(TILE, 9, QColor("black"))
    assert not scan.look(paper, "d", area_of(paper))
    paper.image.setPixelColor(TILE, 9, QColor("#fff8e0"))
    assert scan.look(paper, "d", area_of(paper))


def test_another_area_or_document_is_looked_at_anew() -> None:
    paper, scan = Paper(4 * TILE, TILE), EmptinessScan()
    paper.image.setPixelColor(3 * TILE, 9, QColor("black"))
    assert not scan.look(paper, "d", area_of(paper))
    assert scan.look(paper, "d", Rect(0, 0, TILE, TILE))
    assert not scan.look(paper, "d", area_of(paper))
    assert scan.look(Paper(4 * TILE, TILE), "e", area_of(paper))

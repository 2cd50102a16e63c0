"""What can be done with results: looked at, placed, thrown away, gone on from."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from wakebrush.canvas.base import ActiveLayer, Where
from wakebrush.canvas.rect import Rect
from wakebrush.journal import Journal
from wakebrush.qt import QApplication, QColor, QImage
from wakebrush.session import Session
from wakebrush.session.recipe import PNG_KEY, Recipe, parse, values
from wakebrush.session.words import Notice

from .fake_canvas import FakeCanvas
from .some_results import AREA, Shop, alpha_of, entry, journal, shop

__all__ = ["journal", "shop"]

BLUE, RED, GREEN = (QColor(name).name() for name in ("blue", "red", "green"))


def test_the_first_result_of_the_newest_press_lies_over_the_canvas_and_nothing_else_does_by_itself(shop: Shop) -> None:
    shop.bring(entry("old", created_at=1.0, count=2))
    shop.until_over_the_canvas(BLUE)
    shop.bring(entry("old", created_at=1.0, count=2), 1, "red")
    shop.bring(entry("new", created_at=2.0), 0, "green")
    shop.until_over_the_canvas(GREEN)
    assert shop.ids == ["new:0", "old:1", "old:0"] and shop.results.pinned == "new:0"
    shop.results.let_go()
    shop.bring(entry("late", created_at=1.5), 0, "red")
    assert shop.results.pinned == "" and shop.over_the_canvas() is None and shop.canvas.layers == []


def test_a_peek_goes_before_what_is_pinned_and_leaves_it_there(shop: Shop) -> None:
    shop.bring(entry("a"))
    shop.bring(entry("b", created_at=0.5), 0, "red")
    shop.until_over_the_canvas(BLUE)
    shop.results.peek("b:0")
    shop.until_over_the_canvas(RED)
    shop.results.unpeek()
    shop.until_over_the_canvas(BLUE)
    shop.results.let_go()
    assert shop.over_the_canvas() is None


def test_twenty_peeks_leave_the_document_as_it_is(shop: Shop) -> None:
    for n in range(20):
        shop.bring(entry("p", count=20), n, "red" if n % 2 else "blue")
    for n in range(20):
        shop.results.peek(f"p:{n}")
        shop.until_over_the_canvas(RED if n % 2 else BLUE)
    shop.results.let_go()
    assert shop.canvas.layers == [] and shop.canvas.changed == set()


def test_thumbnails_that_the_mouse_only_passed_are_not_decoded(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: list[str] = []
    prepare = shop.canvas.prepare
    monkeypatch.setattr(shop.canvas, "prepare", lambda *args: decoded.append(args) or prepare(*args))
    for n in range(6):
        shop.bring(entry("p", count=6, created_at=0.0), n)
    shop.until_over_the_canvas(BLUE)
    shop.settle()
    decoded.clear()
    goes_on = threading.Event()
    shop.session._link.lanes.run("peek", lambda: goes_on.wait(20))
    for n in (1, 2, 3, 4, 5, 1):
        shop.results.peek(f"p:{n}")
    goes_on.set()
    shop.settle()
    assert len(decoded) == 1 and len(shop.canvas.overlay.parts) == 1


def test_the_line_wipes_between_before_and_after(shop: Shop) -> None:
    shop.bring(entry())
    shop.until_over_the_canvas(BLUE)
    shop.results.compare(0.25)
    assert shop.canvas.overlay.wipe == 0.25
    shop.results.compare(None)
    assert shop.canvas.overlay.wipe is None and shop.over_the_canvas() == BLUE


def test_where_nothing_can_lie_over_the_canvas_the_docker_shows_it_large(shop: Shop) -> None:
    shop.canvas.overlay.follows = False
    shop.bring(entry())
    shop.until(lambda: shop.results.enlarged is not None)
    assert shop.results.enlarged is not None and shop.results.enlarged.width() == AREA.width and shop.over_the_canvas() is None
    shop.results.let_go()
    assert shop.results.enlarged is None


def test_applying_makes_one_layer_with_its_recipe_and_lets_go(shop: Shop) -> None:
    shop.bring(entry(), files={"alpha": alpha_of(100)})
    shop.until_over_the_canvas(QColor("blue").name())
    shop.results.apply()
    (layer,) = shop.canvas.inserted
    assert (layer.document_id, layer.name, layer.area) == ("d1", "a castle", AREA)
    assert bytes(layer.layers[0].bands[0].pixels)[:4] == bytes([255, 0, 0, 100])
    made = parse(layer.recipe)
    assert made is not None and (made.prompt, made.seed, made.job) == ("a castle", 100, "job-p")
    assert shop.over_the_canvas() is None and shop.results.items[0].applied
    shop.until(lambda: shop.journal.all()[0].marks[0].applied)


def test_applying_in_place_of_the_layer_hides_that(shop: Shop) -> None:
    shop.bring(entry())
    shop.results.apply("p:0", replace_layer=True)
    shop.until(lambda: shop.canvas.inserted)
    assert shop.canvas.inserted[0].placement.where is Where.REPLACE


def test_all_regions_of_a_picture_come_together_as_one_layer(shop: Shop) -> None:
    far = Rect(400, 300, 32, 32)
    left, right = entry("p", key="p0", parts=2, part=0), entry("p", key="p1", parts=2, part=1, area=far)
    shop.bring(right, 0, "red")
    assert shop.ids == []
    shop.bring(left)
    assert shop.ids == ["p:0"] and shop.results.items[0].regions == (AREA, far)
    assert shop.results.items[0].thumbnail.width() <= 200
    shop.results.apply("p:0")
    shop.until(lambda: len(shop.canvas.inserted) == 1)
    assert [layer.area for layer in shop.canvas.inserted[0].layers] == [AREA, far]


def test_a_region_that_failed_does_not_hold_the_others_back(shop: Shop) -> None:
    left, right = entry("p", key="p0", parts=2, part=0), entry("p", key="p1", parts=2, part=1)
    shop.bring(left)
    shop.results.close(right)
    assert shop.ids == ["p:0"]
    shop.results.close(left)
    assert shop.ids == ["p:0"]


def test_a_batch_in_several_jobs_is_numbered_through(shop: Shop) -> None:
    shop.bring(entry("p", key="p0", count=2), 1)
    shop.bring(entry("p", key="p1", count=2, offset=2), 0)
    assert sorted(shop.ids) == ["p:1", "p:2"]
    assert {item.name for item in shop.results.items} == {"a castle (2)", "a castle (3)"}


def test_the_same_result_told_twice_is_one_item(shop: Shop) -> None:
    for _ in range(2):
        shop.bring(entry())
    assert shop.ids == ["p:0"]


def test_pressing_apply_twice_while_she_paints_makes_one_layer(shop: Shop) -> None:
    shop.canvas.busy = True
    shop.bring(entry())
    shop.until_over_the_canvas(BLUE)
    shop.results.apply()
    shop.results.apply("p:0")
    shop.until(lambda: shop.results.held)
    shop.canvas.lift_the_pen()
    assert len(shop.canvas.layers) == 1 and not shop.results.held
    shop.results.apply("p:0")
    assert len(shop.canvas.layers) == 2  # she wants another one


def test_at_once_means_that_each_becomes_a_layer_when_it_arrives(shop: Shop) -> None:
    shop.session.settings.apply_at_once = True
    for n in range(2):
        shop.bring(entry(count=2), n)
    shop.until(lambda: len(shop.canvas.layers) == 2)
    assert [name for _, name, _ in shop.canvas.layers] == ["a castle (1)", "a castle (2)"] and shop.results.pinned == ""


def test_discarding_throws_away_for_good_and_lets_go(shop: Shop) -> None:
    shop.bring(entry())
    shop.until_over_the_canvas(BLUE)
    shop.results.discard("p:0", "unknown")
    assert shop.ids == [] and shop.over_the_canvas() is None and shop.results.pinned == ""
    shop.until(lambda: shop.journal.all() == [])


def test_a_star_is_remembered(shop: Shop) -> None:
    shop.bring(entry())
    shop.results.star("p:0")
    assert shop.results.items[0].starred
    shop.until(lambda: shop.journal.all()[0].marks[0].starred)
    shop.results.star("p:0")
    shop.until(lambda: not shop.journal.all()[0].marks[0].starred)


def test_a_saved_png_has_what_would_show_and_the_recipe(shop: Shop, tmp_path: Path) -> None:
    shop.bring(entry(), files={"alpha": alpha_of(0)})
    path = tmp_path / "picture.png"
    shop.results.save_png("p:0", str(path))
    shop.until(lambda: path.is_file() and path.stat().st_size > 0)
    shop.settle()
    saved = QImage(str(path))
    assert (saved.width(), saved.height(), saved.pixelColor(3, 3).alpha()) == (AREA.width, AREA.height, 0)
    made = parse(saved.text(PNG_KEY))
    assert made is not None and made.prompt == "a castle"


def test_a_png_that_cannot_be_saved_is_said_and_nothing_is_lost(shop: Shop, tmp_path: Path) -> None:
    shop.bring(entry())
    shop.results.save_png("p:0", str(tmp_path / "no folder" / "x.png"))
    shop.until_told("“x.png” could not be saved")
    assert shop.ids == ["p:0"]


def test_prompt_and_seed_can_be_taken_from_a_result(shop: Shop) -> None:
    shop.bring(entry(), 0)
    shop.results.copy_prompt("p:0")
    shop.results.reuse_seed("p:0")
    assert QApplication.clipboard().text() == "a castle" and shop.session.settings.seed == "100"


@pytest.mark.parametrize(("made", "shown", "said"), [(3, 7, True), (3, 3, False), (3, None, False), (None, 7, False)])
def test_a_picture_made_for_another_frame_is_applied_and_that_is_said(
    shop: Shop, made: int | None, shown: int | None, said: bool
) -> None:
    shop.bring(entry(recipe=values(Recipe("a castle", frame=made))))
    shop.canvas.shown_frame = shown
    told: list[Notice] = []
    shop.results.told.connect(told.append)
    shop.results.apply("p:0")
    shop.until(lambda: len(shop.canvas.inserted) == 1)
    assert [notice.title for notice in told] == (["This picture was made for frame 3; you are on frame 7 now."] if said else [])


def test_the_mark_of_a_layer_goes_with_the_layer_and_comes_back_with_it(shop: Shop) -> None:
    shop.bring(entry(count=2), 0)
    shop.bring(entry(count=2), 1)
    shop.results.apply("p:1")
    applied = lambda: {item.n: item.applied for item in shop.results.items}  # noqa: E731
    shop.until(lambda: applied() == {0: False, 1: True})
    shop.results.peek("p:0")
    assert applied() == {0: False, 1: True}
    undone = shop.canvas.inserted.pop()
    shop.results.peek("p:1")
    assert applied() == {0: False, 1: False}
    shop.canvas.inserted.append(undone)
    shop.canvas.layer = ActiveLayer("l9", "another")
    shop.session.refresh_canvas()
    assert applied() == {0: False, 1: True}
    shop.settle()
    assert shop.journal.all()[0].marks[1].applied


def test_steps_go_through_the_results_and_stop_at_the_ends(shop: Shop) -> None:
    shop.results.step(1)
    for n in range(2):
        shop.bring(entry(count=2), n)
    shop.results.let_go()
    found = []
    for by in (1, 1, 1, -1, -1):
        shop.results.step(by)
        found.append(shop.results.pinned)
    first, second = shop.ids
    assert found == [first, second, second, first, first]


def test_each_document_has_its_own_results(shop: Shop) -> None:
    shop.canvas.documents["d2"] = "/pictures/tower.kra"
    shop.bring(entry("one"))
    shop.until_over_the_canvas(BLUE)
    shop.bring(entry("two", document_id="d2", document_path="/pictures/tower.kra", created_at=9.0), 0, "red")
    assert shop.ids == ["one:0"] and shop.results.pinned == "one:0"
    shop.canvas.active = "d2"
    shop.session.refresh_canvas()
    assert shop.ids == ["two:0"] and shop.over_the_canvas() is None
    shop.results.apply("one:0")
    shop.until(lambda: [layer[0] for layer in shop.canvas.layers] == ["d1"])


def test_a_result_follows_its_document_to_a_new_name(shop: Shop) -> None:
    shop.canvas.documents["d1"] = ""
    shop.bring(entry(document_path=""))
    shop.canvas.save("d1", "/pictures/tower.kra")
    shop.until(lambda: shop.journal.all()[0].entry.document_path == "/pictures/tower.kra")
    shop.canvas.close("d1")
    shop.canvas.documents["d7"] = "/pictures/tower.kra"
    shop.canvas.active = "d7"
    shop.session.refresh_canvas()
    assert shop.ids == ["p:0"]


def test_a_result_for_a_closed_document_says_so_and_goes_nowhere_else(shop: Shop) -> None:
    shop.canvas.documents = {"d2": "/pictures/tower.kra"}
    shop.canvas.active = "d2"
    shop.session.refresh_canvas()
    shop.bring(entry())
    shop.until_told("castle.kra")
    assert shop.ids == []
    shop.session.dismiss_notice()
    shop.results.apply("p:0")
    shop.until_told("castle.kra")
    assert shop.canvas.layers == []
    shop.bring(entry("u", document_id="gone", document_path=""))
    shop.results.apply("u:0")
    shop.until_told("The document of this picture is closed.")


def test_a_picture_that_is_gone_from_the_disk_is_said(shop: Shop) -> None:
    shop.bring(entry())
    shop.until_over_the_canvas(BLUE)
    shop.results.discard("p:0")
    shop.bring(entry("q", created_at=0.1))
    (shop.journal.folder / "q" / "result-0").unlink()
    shop.results.apply("q:0")
    shop.until_told("no longer on your computer")
    assert shop.canvas.layers == []


def test_a_full_disk_is_said(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.bring(entry())

    def full(*args: object, **changes: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Journal, "mark", full)
    shop.results.star("p:0")
    shop.until_told("No space left")


def test_what_krita_remarks_on_a_layer_is_said(shop: Shop) -> None:
    shop.canvas.events.remark.emit("d1", "The layer is locked.")
    assert shop.session.notice is not None and shop.session.notice.title == "The layer is locked."


def test_escape_gives_the_keys_back_to_the_canvas(shop: Shop) -> None:
    shop.results.leave()
    assert shop.canvas.keys_taken == 1


def test_results_that_arrived_before_a_crash_are_there_again_without_a_question(
    new_session: Callable[..., Session], canvas: FakeCanvas, journal: Journal, qtbot: QtBot
) -> None:
    before = Shop(new_session(), canvas, journal, qtbot)
    before.bring(entry())
    after = Shop(new_session(), canvas, journal, qtbot)
    after.until(lambda: after.ids == ["p:0"])
    assert after.results.offer == "" and after.results.pinned == ""
    assert after.results.items[0].thumbnail.pixelColor(3, 3).name() == BLUE


def test_results_of_a_document_that_was_never_saved_are_offered_as_recovered(
    new_session: Callable[..., Session], canvas: FakeCanvas, journal: Journal, qtbot: QtBot
) -> None:
    Shop(new_session(), canvas, journal, qtbot).bring(entry(document_id="gone", document_path=""))
    shop = Shop(new_session(), canvas, journal, qtbot)
    shop.until(lambda: "never saved" in shop.results.offer)
    assert shop.ids == []
    shop.results.show_offer()
    assert shop.ids == ["p:0"] and shop.results.recovered == {"p:0"} and shop.results.offer == ""
    shop.until_over_the_canvas(BLUE)
    shop.results.apply()
    assert [layer[0] for layer in canvas.layers] == ["d1"] and shop.results.recovered == frozenset()
    shop.until(lambda: shop.journal.all()[0].entry.document_id == "d1")


def test_a_damaged_picture_on_disk_harms_no_other(
    new_session: Callable[..., Session], canvas: FakeCanvas, journal: Journal, qtbot: QtBot
) -> None:
    before = Shop(new_session(), canvas, journal, qtbot)
    before.bring(entry(count=2), 0)
    before.bring(entry(count=2), 1)
    (journal.folder / "p" / "result-0").write_bytes(b"garbage")
    after = Shop(new_session(), canvas, journal, qtbot)
    after.until(lambda: after.ids == ["p:1"])

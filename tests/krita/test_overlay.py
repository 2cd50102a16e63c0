"""Pictures over the canvas in real Krita: in their place, and no part of the document."""

import hashlib

import pytest

RED = [200, 20, 10]
BLUE = [30, 60, 220]
PLACE = [150, 100, 200, 120]


@pytest.fixture
def marked(krita):
    """A white document in which PLACE is blue."""
    krita.ask("documents.create", width=640, height=480, paper=[255, 255, 255])
    krita.ask("documents.paint", name="mark", x=150, y=100, width=200, height=120, color=BLUE)
    return krita


@pytest.mark.parametrize(
    "view",
    [
        {"zoom": 1.0},
        {"zoom": 0.5},
        {"zoom": 2.0, "scroll": [40, -30]},
        {"zoom": 1.0, "mirror": True},
        {"zoom": 1.0, "rotation": 30},
        {"zoom": 0.75, "rotation": -47.3, "mirror": True, "scroll": [15, 25]},
    ],
    ids=str,
)
def test_the_overlay_covers_just_what_it_stands_for_in(marked, view):
    marked.ask("overlay.show", areas=[PLACE], color=RED)
    marked.ask("overlay.view", **view)
    shown = marked.ask("overlay.outline", color=RED)
    marked.ask("overlay.hide")
    meant = marked.ask("overlay.outline", color=BLUE)
    turned = "rotation" in view
    assert shown is not None and meant is not None
    # Turned edges are blended with what is around them, which leaves out pixels on either side.
    assert max(abs(a - b) for a, b in zip(shown, meant, strict=True)) <= (3 if turned else 1)


def test_twenty_peeks_leave_undo_modified_flag_and_export_as_they_are(marked):
    target = marked.log.with_name("export.png")
    marked.ask("documents.save", path=str(marked.log.with_name("peeks.kra")))
    marked.ask("documents.export", path=str(target))
    before, untouched = hashlib.sha256(target.read_bytes()).hexdigest(), marked.ask("documents.fingerprint")
    for number in range(20):
        marked.ask("overlay.show", areas=[PLACE], color=[200, 10 * number, 10])
        marked.ask("overlay.hide")
    assert marked.ask("documents.modified") is False
    marked.ask("documents.export", path=str(target))
    assert hashlib.sha256(target.read_bytes()).hexdigest() == before
    assert marked.ask("documents.fingerprint") == untouched
    marked.ask("window.undo")
    assert marked.ask("documents.layers") == ["paper"], "the step that is undone is hers"
    assert marked.ask("overlay.sheets") == 0


def test_a_wipe_shows_the_picture_on_the_left_only(marked):
    marked.ask("overlay.view", zoom=1.0)
    marked.ask("overlay.show", areas=[PLACE], color=RED, wipe=0.5)
    left, right = marked.ask("overlay.on_screen", points=[[200, 160], [300, 160]])
    assert (left, right) == (RED, BLUE)
    line = marked.ask("overlay.on_screen", points=[[250, 160]])[0]
    assert line not in (RED, BLUE)


def test_a_running_preview_is_seen_only_while_nothing_else_is_shown(marked):
    green = [20, 200, 10]
    marked.ask("overlay.view", zoom=1.0)
    marked.ask("overlay.preview", areas=[PLACE], color=green)
    assert marked.ask("overlay.on_screen", points=[[200, 160]]) == [green]
    marked.ask("overlay.show", areas=[PLACE], color=RED)
    assert marked.ask("overlay.on_screen", points=[[200, 160]]) == [RED]
    marked.ask("overlay.hide")
    assert marked.ask("overlay.on_screen", points=[[200, 160]]) == [green]
    marked.ask("overlay.hide_preview")
    assert marked.ask("overlay.on_screen", points=[[200, 160]]) == [BLUE]


def test_the_regions_of_one_picture_are_shown_together(marked):
    marked.ask("overlay.view", zoom=1.0)
    marked.ask("overlay.show", areas=[[10, 10, 50, 50], [400, 300, 60, 60]], color=RED)
    points = [[30, 30], [430, 330], [200, 30]]
    assert marked.ask("overlay.on_screen", points=points) == [RED, RED, [255, 255, 255]]


def test_a_picture_is_seen_on_its_own_document_only(marked):
    marked.ask("overlay.view", zoom=1.0)
    marked.ask("overlay.show", areas=[PLACE], color=RED)
    marked.ask("documents.create", width=640, height=480, paper=[255, 255, 255], name="other")
    marked.ask("overlay.view", zoom=1.0)
    assert marked.ask("overlay.outline", color=RED) is None
    marked.ask("documents.bring_to_front", name="test")
    assert marked.ask("overlay.outline", color=RED) is not None
    assert marked.ask("overlay.sheets") == 1


def test_closing_the_view_takes_the_overlay_along(marked):
    marked.ask("overlay.show", areas=[PLACE], color=RED)
    marked.ask("documents.close_all")
    assert marked.ask("overlay.can_follow") is False
    marked.ask("overlay.hide")
    assert marked.ask("overlay.sheets") == 0


def test_strokes_go_through_the_overlay_and_the_keys_come_back_to_the_canvas(marked):
    marked.ask("canvas.brush", size=20)
    marked.ask("overlay.show", areas=[PLACE], color=RED)
    marked.ask("documents.activate", name="paper")
    points = marked.ask("canvas.screen_points", points=[[160, 160], [250, 160], [340, 160]])
    marked.hand.drag(points)
    marked.ask("window.wait", seconds=0.5)
    marked.ask("overlay.hide")
    assert marked.ask("documents.painted", layer="paper", x=250, y=160) == [0, 0, 0, 255]
    assert marked.ask("canvas.take_keys") is True


def test_canvas_only_mode_keeps_the_overlay_in_its_place(marked):
    marked.ask("overlay.show", areas=[PLACE], color=RED)
    assert marked.ask("canvas.only_canvas") is False
    marked.ask("window.trigger", action="view_show_canvas_only")
    marked.ask("window.wait", seconds=0.8)
    try:
        assert marked.ask("canvas.only_canvas") is True
        said = marked.ask("canvas.message", sentence="Your picture is here.")
        assert any("Your picture is here." in text for text in said)
        marked.ask("window.wait", seconds=4)
        shown = marked.ask("overlay.outline", color=RED)
        marked.ask("overlay.hide")
        meant = marked.ask("overlay.outline", color=BLUE)
        assert max(abs(a - b) for a, b in zip(shown, meant, strict=True)) <= 1
    finally:
        marked.ask("window.trigger", action="view_show_canvas_only")
        marked.ask("window.wait", seconds=0.8)

"""What the model sees of a document in real Krita, and that reading it changes nothing."""

import pytest

WHITE = [255, 255, 255]
RED = [200, 20, 10]
TEAL = [20, 140, 150]
BLUE = [30, 60, 220]
BACK, INSIDE, FRONT, PLAIN = [20, 20], [120, 120], [220, 220], [380, 20]


@pytest.fixture
def stack(krita):
    """From below: white paper, red at BACK, a group with teal at INSIDE, blue at FRONT."""
    krita.ask("documents.create", width=400, height=300, paper=WHITE)
    krita.ask("documents.paint", name="back", x=0, y=0, width=100, height=100, color=RED)
    krita.ask("documents.group", name="figure")
    krita.ask("documents.paint", name="hand", x=100, y=100, width=100, height=100, color=TEAL, parent="figure")
    krita.ask("documents.paint", name="front", x=200, y=200, width=100, height=100, color=BLUE)
    return krita


def colours(krita, **arguments):
    """What is read at the four places; None where nothing is."""
    seen, _ = krita.ask("canvas.read", points=[BACK, INSIDE, FRONT, PLAIN], **arguments)
    return [pixel[:3] if pixel[3] == 255 else None if pixel[3] == 0 else pixel for pixel in seen]


def test_everything_that_is_visible_is_read_unless_told_otherwise(stack):
    stack.ask("documents.activate", name="back")
    assert colours(stack) == [RED, TEAL, BLUE, WHITE]


def test_up_to_the_active_layer_leaves_out_what_lies_above(stack):
    stack.ask("documents.activate", name="hand")
    assert colours(stack, read="below") == [RED, TEAL, WHITE, WHITE]
    stack.ask("documents.activate", name="back")
    assert colours(stack, read="below") == [RED, WHITE, WHITE, WHITE]


def test_a_group_is_read_alone_and_as_it_is_in_itself(stack):
    stack.ask("documents.look", name="figure", opacity=100, blending="multiply")
    stack.ask("documents.activate", name="hand")
    assert colours(stack, read="group") == [None, TEAL, None, None]
    stack.ask("documents.activate", name="figure")
    assert colours(stack, read="group") == [None, TEAL, None, None]


def test_a_group_that_passes_through_is_read_alone_too(stack):
    stack.ask("documents.look", name="figure", pass_through=True)
    stack.ask("documents.activate", name="hand")
    assert colours(stack, read="group") == [None, TEAL, None, None]
    assert colours(stack, read="below") == [RED, TEAL, WHITE, WHITE]


def test_a_layer_that_takes_its_transparency_from_below_stays_clipped(stack):
    stack.ask("documents.paint", name="shade", x=100, y=100, width=300, height=200, color=RED, parent="figure")
    stack.ask("documents.look", name="shade", inherit_alpha=True)
    stack.ask("documents.activate", name="shade")
    assert colours(stack, read="group") == [None, RED, None, None]
    assert colours(stack, read="below") == [RED, RED, WHITE, WHITE]


def test_outside_of_any_group_there_is_no_group_to_read(stack):
    stack.ask("documents.activate", name="front")
    with pytest.raises(AssertionError, match="in no group"):
        stack.ask("canvas.read", points=[BACK], read="group")


def test_layers_marked_as_unseen_are_left_out_with_all_that_is_in_them(stack):
    stack.ask("documents.activate", name="figure")
    stack.ask("canvas.set_unseen", unseen=True)
    unseen = stack.ask("canvas.unseen")
    assert len(unseen) == 1 and stack.ask("canvas.state")["layer"]["unseen"] is True
    assert colours(stack, unseen=unseen) == [RED, WHITE, BLUE, WHITE]
    stack.ask("canvas.set_unseen", unseen=False)
    assert stack.ask("canvas.unseen") == []


def test_reading_leaves_the_document_as_it_is(stack):
    stack.ask("documents.activate", name="hand")
    stack.ask("documents.save", path=str(stack.log.with_name("reading.kra")))
    before = stack.ask("documents.fingerprint")
    for read in ("visible", "below", "group"):
        colours(stack, read=read)
    assert stack.ask("documents.modified") is False
    assert stack.ask("documents.fingerprint") == before
    assert stack.ask("documents.active_layer") == "hand"
    stack.ask("window.undo")
    assert "front" not in stack.ask("documents.layers"), "the step that is undone is hers"


@pytest.mark.parametrize("depth", ["U16", "F32"])
def test_what_is_read_has_its_colours_whatever_the_document_has(krita, depth):
    krita.ask("documents.create", width=300, height=300, depth=depth, paper=WHITE)
    krita.ask("documents.paint", name="back", x=0, y=0, width=200, height=200, color=TEAL)
    krita.ask("documents.paint", name="front", x=0, y=0, width=300, height=300, color=RED)
    krita.ask("documents.activate", name="back")
    seen, _ = krita.ask("canvas.read", points=[[50, 50], [250, 250]], read="below")
    assert all(abs(a - b) <= 1 for a, b in zip(seen[0][:3], TEAL, strict=True))
    assert seen[1][:3] == WHITE


def test_the_paint_of_a_layer_serves_as_the_mask(stack):
    stack.ask("documents.activate", name="front")
    assert stack.ask("canvas.scene", task="refine", mask_from_layer=True)["paint"] == [200, 200, 100, 100]
    taken = stack.ask("canvas.capture", task="refine", mask_from_layer=True, trained=256)
    row = stack.ask("canvas.sent_gray", which="alpha", y=0.5)
    x, _, width, _ = taken["area"]
    solid = [column + x for column, value in enumerate(row) if value == 255]
    assert (solid[0], solid[-1]) == (200, 299) and len(row) == width


def test_the_paint_of_a_layer_serves_as_the_mask_in_any_colours(krita):
    krita.ask("documents.create", width=300, height=300, depth="F32", paper=WHITE)
    krita.ask("documents.paint", name="dot", x=100, y=100, width=60, height=60, color=TEAL)
    krita.ask("documents.activate", name="dot")
    taken = krita.ask("canvas.capture", task="refine", mask_from_layer=True, trained=256)
    row = krita.ask("canvas.sent_gray", which="alpha", y=0.5)
    solid = [column + taken["area"][0] for column, value in enumerate(row) if value == 255]
    assert (solid[0], solid[-1]) == (100, 159)


def test_a_layer_that_covers_everything_is_no_mask(stack):
    stack.ask("documents.activate", name="paper")
    assert stack.ask("canvas.scene", task="refine", mask_from_layer=True)["paint"] is None


def test_separate_parts_of_a_selection_are_seen_as_such(stack):
    stack.ask("documents.select_many", boxes=[[10, 10, 40, 40], [300, 200, 60, 50]])
    scene = stack.ask("canvas.scene", split_islands=True)
    assert scene["islands"] == [[10, 10, 40, 40], [300, 200, 60, 50]]
    assert scene["selection"] == [10, 10, 350, 240]
    assert stack.ask("canvas.scene", split_islands=False)["islands"] == []


def test_transparent_parts_are_found_where_they_are(krita):
    krita.ask("documents.create", width=400, height=300)
    krita.ask("documents.paint", name="most", x=0, y=0, width=300, height=300, color=RED)
    x, y, width, height = krita.ask("canvas.scene", task="expand")["holes"]
    assert 290 <= x <= 300 and x + width == 400 and (y, height) == (0, 300)
    krita.ask("documents.paint", name="rest", x=300, y=0, width=100, height=300, color=RED)
    assert krita.ask("canvas.scene", task="expand")["holes"] is None


def test_a_selection_that_is_gone_is_said(stack):
    stack.ask("documents.select", x=50, y=50, width=100, height=100)
    with pytest.raises(AssertionError, match="The selection is gone"):
        stack.ask("canvas.capture_after_deselecting")

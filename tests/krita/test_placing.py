"""Where results go in real Krita, what one undo step takes back, and what happens to what she changed meanwhile."""

import pytest

WHITE = [255, 255, 255]
RED = [200, 20, 10]
TEAL = [20, 140, 150]
PLACE = [100, 60, 200, 150]
FOX = {"color": RED, "name": "a fox", "area": PLACE}


@pytest.fixture
def sheet(krita):
    """White paper, a layer "ink" upon it, and a group "figure" with "hand" on top; "ink" is active."""
    krita.ask("documents.create", width=640, height=480, paper=WHITE)
    krita.ask("documents.paint", name="ink", x=0, y=0, width=640, height=240, color=TEAL)
    krita.ask("documents.group", name="figure")
    krita.ask("documents.paint", name="hand", x=600, y=400, width=20, height=20, color=TEAL, parent="figure")
    krita.ask("documents.activate", name="ink")
    return krita


def active_id(krita):
    return krita.ask("canvas.state")["layer"]["id"]


def test_a_result_goes_to_the_top_when_that_is_wanted(sheet):
    assert sheet.ask("canvas.insert_and_wait", **FOX, where="top") is None
    assert sheet.ask("documents.layers") == ["paper", "ink", "figure", "figure/hand", "a fox"]
    assert sheet.ask("documents.active_layer") == "ink"


def test_a_result_goes_above_the_layer_it_was_read_at_and_not_the_one_that_is_active_now(sheet):
    sheet.ask("documents.activate", name="paper")
    node = active_id(sheet)
    sheet.ask("documents.activate", name="hand")
    assert sheet.ask("canvas.insert_and_wait", **FOX, node=node) is None
    assert sheet.ask("documents.layers") == ["paper", "a fox", "ink", "figure", "figure/hand"]
    assert sheet.ask("documents.active_layer") == "hand"


@pytest.mark.parametrize("active", ["hand", "figure"])
def test_what_was_read_from_a_group_goes_into_it(sheet, active):
    sheet.ask("documents.activate", name=active)
    node = active_id(sheet)
    sheet.ask("documents.activate", name="ink")
    assert sheet.ask("canvas.insert_and_wait", **FOX, where="top", node=node, group=True) is None
    assert sheet.ask("documents.layers")[-2:] == ["figure/hand", "figure/a fox"]
    assert sheet.ask("canvas.insert_and_wait", **FOX | {"name": "an owl"}, node=node, group=True) is None
    assert "figure/an owl" in sheet.ask("documents.layers")


def test_replace_hides_the_layer_and_one_undo_brings_it_back(sheet):
    node = active_id(sheet)
    before = sheet.ask("documents.fingerprint")
    assert sheet.ask("canvas.insert_and_wait", **FOX, where="replace", node=node) is None
    assert sheet.ask("documents.layers")[:3] == ["paper", "ink", "a fox"]
    sheet.ask("window.wait", seconds=0.3)
    assert sheet.ask("documents.seen", points=[[150, 100], [10, 10]]) == [[*RED, 255], [*WHITE, 255]]
    sheet.ask("window.undo")
    sheet.until("documents.fingerprint", "the layer to be shown again", lambda now: now == before, 5)
    assert sheet.ask("documents.seen", points=[[10, 10]]) == [[*TEAL, 255]]
    sheet.ask("window.redo")
    sheet.until("documents.seen", "the layer to be hidden again", lambda seen: seen == [[*WHITE, 255]], 5, points=[[10, 10]])


def test_a_replaced_layer_that_she_shows_again_stays_so(sheet):
    node = active_id(sheet)
    assert sheet.ask("canvas.insert_and_wait", **FOX, where="replace", node=node) is None
    sheet.ask("documents.look", name="ink", visible=True)
    sheet.ask("window.wait", seconds=1)
    assert sheet.ask("documents.seen", points=[[10, 10]]) == [[*TEAL, 255]]
    sheet.ask("window.undo")
    sheet.ask("window.wait", seconds=1)
    assert sheet.ask("documents.seen", points=[[10, 10]]) == [[*TEAL, 255]]


def test_several_regions_become_one_layer_in_one_undo_step(sheet):
    sheet.ask("documents.select_many", boxes=[[20, 20, 64, 64], [500, 350, 64, 64]])
    first = sheet.ask("canvas.capture", name="one", region=0, split_islands=True, trained=64)
    sheet.ask("canvas.capture", name="two", region=1, split_islands=True, trained=64)
    assert first["regions"] == 2
    before = sheet.ask("documents.fingerprint")
    assert sheet.ask("canvas.insert_and_wait", color=RED, name="a fox", captures=["one", "two"]) is None
    points = [[50, 50], [530, 380], [300, 100], [300, 300]]
    assert sheet.ask("documents.seen", points=points) == [[*RED, 255], [*RED, 255], [*TEAL, 255], [*WHITE, 255]]
    assert sheet.ask("documents.layers").count("a fox") == 1
    sheet.ask("window.undo")
    assert sheet.ask("documents.fingerprint") == before


@pytest.mark.parametrize("depth", ["U8", "F32"])
def test_the_mask_of_a_result_can_be_painted_on_and_is_in_the_same_undo_step(krita, depth):
    krita.ask("documents.create", width=640, height=480, depth=depth, paper=WHITE)
    krita.ask("documents.select", x=200, y=150, width=200, height=160)
    krita.ask("canvas.capture", feather=16, padding=40)
    before = krita.ask("documents.fingerprint")
    assert krita.ask("canvas.insert_and_wait", color=RED, name="a fox", captures=["capture"], as_mask=True) is None
    assert krita.ask("documents.layers")[:3] == ["paper", "a fox", "a fox/Selected part"]
    seen = krita.ask("documents.seen", points=[[300, 230], [160, 230], [199, 230]])
    assert seen[0] == [*RED, 255] and seen[1] == [*WHITE, 255] and seen[2] not in seen[:2]
    krita.ask("window.undo")
    assert krita.ask("documents.fingerprint") == before
    krita.ask("window.redo")
    under = krita.ask("documents.layer_pixels", name="a fox", x=180, y=230, width=1, height=1)[0][0]
    assert all(abs(a - b) <= 1 for a, b in zip(under, [*RED, 255], strict=True)), "the layer itself is whole"


def test_expanding_makes_room_and_then_a_layer_each_in_a_step(sheet):
    before, size = sheet.ask("documents.fingerprint"), [640, 480]
    plan = sheet.ask("canvas.capture", task="expand", margins=[128, 64, 0, 0], trained=256)
    assert plan["canvas"] == [-128, -64, 768, 544] and plan["mode"] == "inpaint"
    placed = {"captured": size, "canvas": plan["canvas"], "recipe": "{}"}
    assert sheet.ask("canvas.insert_and_wait", color=RED, name="a fox", captures=["capture"], **placed) is None
    assert sheet.ask("documents.size") == [768, 544]
    assert sheet.ask("documents.seen", points=[[5, 5], [128 + 600, 64 + 200]]) == [[*RED, 255], [*TEAL, 255]]
    assert sheet.ask("canvas.insert_and_wait", color=[9, 9, 9], name="an owl", captures=["capture"], **placed) is None
    assert sheet.ask("documents.size") == [768, 544], "another result of the same press finds the room made"
    assert sheet.ask("documents.layers")[1:4] == ["ink", "a fox", "an owl"], "and lies upon the first"
    assert sheet.ask("documents.seen", points=[[5, 5]]) == [[9, 9, 9, 255]]
    sheet.ask("window.undo")
    sheet.ask("window.undo")
    sheet.ask("window.undo_once")
    sheet.until("documents.size", "the canvas as it was", lambda now: now == size, 5)
    assert sheet.ask("documents.fingerprint") == before


def test_what_was_asked_before_the_canvas_grew_still_finds_its_place(sheet):
    plan = sheet.ask("canvas.capture", task="expand", margins=[128, 64, 0, 0], trained=256)
    placed = {"captured": [640, 480], "canvas": plan["canvas"]}
    assert sheet.ask("canvas.insert_and_wait", color=TEAL, name="room", captures=["capture"], **placed) is None
    assert sheet.ask("canvas.insert_and_wait", **FOX, where="top", captured=[640, 480]) is None
    corners = sheet.ask("documents.seen", points=[[228, 124], [427, 273], [227, 124], [428, 273]])
    assert [corner == [*RED, 255] for corner in corners] == [True, True, False, False]
    assert sheet.ask("canvas.here", area=PLACE, captured=[640, 480]) == [228, 124, 200, 150]


def test_a_canvas_that_she_resized_meanwhile_is_said(sheet):
    sheet.ask("canvas.heard")
    sheet.ask("documents.resize", width=700, height=500)
    assert sheet.ask("canvas.insert_and_wait", **FOX, where="top", captured=[640, 480]) is None
    told = sheet.ask("canvas.heard")
    assert [kind for kind, *_ in told] == ["remark"] and "another size" in told[0][2]
    assert sheet.ask("documents.seen", points=[[150, 100]]) == [[*RED, 255]]


def test_a_layer_that_was_deleted_meanwhile_is_said_and_nothing_is_lost(sheet):
    node = active_id(sheet)
    sheet.ask("documents.remove", name="ink")
    sheet.ask("documents.activate", name="paper")
    sheet.ask("canvas.heard")
    assert sheet.ask("canvas.insert_and_wait", **FOX, where="replace", node=node) is None
    assert sheet.ask("documents.layers")[:2] == ["paper", "a fox"]
    assert "is gone" in sheet.ask("canvas.heard")[0][2]
    assert sheet.ask("documents.seen", points=[[10, 10]]) == [[*WHITE, 255]], "no other layer is hidden instead"


@pytest.mark.parametrize("kind", ["grouplayer", "vectorlayer", "filterlayer", "filllayer", "locked", "hidden group"])
def test_a_result_is_seen_whatever_kind_of_layer_is_active(sheet, kind):
    sheet.ask("documents.special", kind=kind)
    sheet.ask("canvas.state")
    sheet.ask("canvas.capture", task="refine", trained=256)
    assert sheet.ask("canvas.insert_and_wait", **FOX) is None
    sheet.ask("window.wait", seconds=0.2)
    assert sheet.ask("documents.seen", points=[[150, 100]]) == [[*RED, 255]]


def test_another_frame_of_an_animation_takes_a_result_too(sheet):
    sheet.ask("documents.animate", name="ink")
    assert sheet.ask("canvas.insert_and_wait", **FOX, node=active_id(sheet)) is None
    assert sheet.ask("documents.seen", points=[[150, 100]]) == [[*RED, 255]]


def test_twenty_results_in_a_row_are_twenty_layers(sheet):
    for number in range(20):
        assert sheet.ask("canvas.insert_and_wait", **FOX | {"name": f"fox {number}"}) is None
    assert len([name for name in sheet.ask("documents.layers") if name.startswith("fox ")]) == 20

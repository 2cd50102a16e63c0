"""The canvas over a made-up Krita: what it decides. What Krita makes of it is shown in tests/krita."""

from __future__ import annotations

from typing import Any

import pytest

from wakebrush.canvas.base import Icon, NoDocument, Read, Source, Where
from wakebrush.canvas.gray import gray_image
from wakebrush.canvas.plan import ModelSize, plan
from wakebrush.canvas.rect import Rect
from wakebrush.canvas.scene import Context, PlanSettings, Task
from wakebrush.qt import QImage, Qt

RED, WHITE, TEAL = (200, 20, 10, 255), (255, 255, 255, 255), (20, 140, 150, 255)
MODEL = ModelSize(64, 64, 8)


def node_of(desk: Any) -> str:
    return str(desk.canvas.state().layer.id)


def read(desk: Any, source: Source) -> QImage:
    from wakebrush.canvas import reading

    return reading.picture(desk.document, Rect(0, 0, 128, 96), source)


def colour(image: QImage, x: int, y: int) -> tuple[int, ...]:
    return tuple(image.pixelColor(x, y).getRgb())


def test_without_a_document_it_says_what_to_do(desk):
    desk.close()
    assert desk.canvas.active_document() is None
    assert desk.canvas.state().layer is None and desk.canvas.state().is_empty
    assert desk.canvas.recipe_of_active_layer() is None and desk.canvas.unseen() == ()
    with pytest.raises(NoDocument, match="Open or create a document"):
        desk.canvas.scene(PlanSettings())
    assert desk.canvas.notice() is None
    assert desk.canvas.overlay.can_follow() is False
    desk.canvas.message("Awake.", Icon.AWAKE)
    desk.canvas.set_unseen(True)


def test_a_scene_has_what_its_settings_ask_for(desk):
    desk.paint("ink", (10, 20, 30, 40), TEAL[:3])
    desk.select((0, 0, 10, 10), (60, 40, 20, 20))
    scene = desk.canvas.scene(PlanSettings(task=Task.CUSTOM, context=Context.LAYER))
    assert scene.canvas == (128, 96) and scene.selection == Rect(0, 0, 80, 60)
    assert scene.islands == (Rect(0, 0, 10, 10), Rect(60, 40, 20, 20))
    assert scene.layer == Rect(10, 20, 30, 40) and scene.paint is None and scene.holes is None
    assert desk.canvas.scene(PlanSettings(split_islands=False)).islands == ()


def test_a_selection_outside_the_canvas_has_no_parts(desk):
    desk.select((300, 300, 10, 10))
    assert desk.canvas.scene(PlanSettings()).islands == ()
    assert desk.canvas.state().has_selection is False


def test_paint_serves_as_a_mask_where_it_does_not_cover_everything(desk):
    ink = desk.paint("ink", (10, 20, 30, 40), TEAL[:3])
    settings = PlanSettings(task=Task.REFINE, strength=0.5, mask_from_layer=True, grow=10, least_size=0)
    scene = desk.canvas.scene(settings)
    assert scene.paint == Rect(10, 20, 30, 40)
    capture = desk.canvas.capture(plan(scene, settings, MODEL), 0, Source())
    assert set(bytes(capture.selection)) == {0, 255}
    ink._colours = ("RGBA", "F32", "linear")
    again = desk.canvas.capture(plan(scene, settings, MODEL), 0, Source())
    assert bytes(again.selection) == bytes(capture.selection), "the same by way of a copy"
    desk.document.setActiveNode(desk.document.nodeByName("paper"))
    assert desk.canvas.scene(settings).paint is None
    desk.document.setActiveNode(None)
    assert desk.canvas.scene(settings).paint is None
    with pytest.raises(NoDocument, match="No layer is active"):
        desk.canvas.capture(plan(scene, settings, MODEL), 0, Source())


def test_transparent_parts_are_found_in_large_and_small_canvases(desk):
    assert desk.canvas.scene(PlanSettings(task=Task.EXPAND)).holes is None
    desk.document.nodeByName("paper").remove()
    assert desk.canvas.scene(PlanSettings(task=Task.EXPAND)).holes == Rect(0, 0, 128, 96)
    desk.document._size = (1024, 768)
    assert desk.canvas.scene(PlanSettings(task=Task.EXPAND)).holes == Rect(0, 0, 1024, 768)


def test_a_capture_reads_pixels_and_selection_and_its_document(desk):
    desk.select((40, 30, 20, 20))
    settings = PlanSettings(task=Task.FILL, grow=10, least_size=0)
    capture = desk.canvas.capture(plan(desk.canvas.scene(settings), settings, MODEL), 0, Source())
    assert capture.document_path == "/pictures/castle.kra" and capture.document_id == desk.canvas.active_document()
    assert colour(capture.pixels, 0, 0) == WHITE and len(bytes(capture.selection)) == capture.region.area.pixels
    finished = desk.canvas.finish(capture)
    assert finished.mask is not None and finished.image is not None
    desk.document.setSelection(None)
    with pytest.raises(NoDocument, match="The selection is gone"):
        desk.canvas.capture(capture.plan, 0, Source())


def test_a_selection_gets_its_shape_back_in_several_parts_that_may_overlap(desk):
    ramp, full = gray_image(bytes(range(100, 115)), 5, 3), gray_image(bytes([255]) * 4, 2, 2)
    desk.canvas.select(Rect(0, 0, 50, 50), ((ramp, Rect(10, 20, 5, 3)), (full, Rect(14, 20, 2, 2))))
    selection = desk.document.selection()
    assert bytes(selection.pixelData(10, 20, 6, 3)) == bytes(
        [100, 101, 102, 103, 255, 255, 105, 106, 107, 108, 255, 255, 110, 111, 112, 113, 114, 0]
    )
    assert bytes(selection.pixelData(0, 0, 5, 5)) == bytes(25)
    desk.canvas.select(Rect(0, 0, 50, 50))
    assert bytes(desk.document.selection().pixelData(48, 0, 4, 1)) == bytes([255, 255, 0, 0])


def test_only_the_layers_that_are_there_tell_how_they_were_made(desk, inserted):
    document_id = desk.canvas.active_document()
    assert desk.canvas.recipes(document_id) == ()
    assert inserted(node=node_of(desk), recipe="{}") is None
    assert desk.canvas.recipes(document_id) == ("{}",) and desk.canvas.recipes("closed") == ()
    layer = desk.document.nodeByName("a fox")
    layer.remove()
    assert desk.canvas.recipes(document_id) == ()
    desk.document.rootNode().addChildNode(layer, None)
    assert desk.canvas.recipes(document_id) == ("{}",)


def test_only_an_animation_has_a_frame(desk):
    desk.document.time = 12
    face = desk.paint("face", (0, 0, 20, 20), RED[:3], parent=desk.group("figure"))
    document_id, settings = desk.canvas.active_document(), PlanSettings(Task.GENERATE)
    made = plan(desk.canvas.scene(settings), settings, MODEL)
    assert desk.canvas.frame(document_id) is None and desk.canvas.capture(made, 0, Source()).frame is None
    face.has_frames = True
    assert desk.canvas.frame(document_id) == 12 and desk.canvas.capture(made, 0, Source()).frame == 12
    assert desk.canvas.frame("closed") is None


def test_what_is_above_or_beside_or_marked_is_left_out_of_what_is_read(desk):
    back = desk.paint("back", (0, 0, 20, 20), RED[:3])
    group = desk.group("figure")
    desk.paint("hand", (40, 40, 20, 20), TEAL[:3], parent=group)
    front = desk.paint("front", (80, 60, 20, 20), RED[:3])
    from wakebrush.canvas.nodes import id_of

    assert colour(read(desk, Source()), 90, 70) == RED
    assert colour(read(desk, Source(unseen=(id_of(front), "gone"))), 90, 70) == WHITE
    desk.document.setActiveNode(group)
    below = read(desk, Source(Read.BELOW))
    assert (colour(below, 5, 5), colour(below, 50, 50), colour(below, 90, 70)) == (RED, TEAL, WHITE)
    desk.document.setActiveNode(desk.document.nodeByName("hand"))
    alone = read(desk, Source(Read.GROUP))
    assert colour(alone, 50, 50) == TEAL and colour(alone, 5, 5)[3] == 0
    assert back.visible() and front.visible(), "her layers are as they were"
    desk.document.setActiveNode(back)
    with pytest.raises(NoDocument, match="in no group"):
        read(desk, Source(Read.GROUP))


def test_a_document_in_which_something_is_under_way_is_not_copied(desk, monkeypatch):
    from wakebrush.canvas import busy

    monkeypatch.setattr(busy, "REST_SECONDS", 0.01)
    desk.document.busy = True
    with pytest.raises(NoDocument, match="Something is still going on"):
        read(desk, Source(Read.BELOW, unseen=(node_of(desk),)))


def test_a_result_waits_for_a_quiet_moment_and_goes_above_what_it_was_read_at(desk, inserted):
    paper = node_of(desk)
    desk.paint("ink", (0, 0, 9, 9), TEAL[:3])
    assert inserted(node=paper, recipe="{}") is None
    assert desk.names() == ["paper", "a fox", "ink"] and desk.document.activeNode().name() == "ink"
    assert desk.seen(10, 10) == RED
    assert inserted(node=paper, name="an owl", recipe="{}") is None
    assert desk.names() == ["paper", "a fox", "an owl", "ink"], "later results lie upon earlier ones"
    assert inserted(where=Where.TOP, name="top") is None
    assert desk.names()[-1] == "top"


def test_a_result_goes_into_the_group_it_was_read_from_unless_that_is_hidden(desk, inserted):
    group = desk.group("figure")
    figure = node_of(desk)
    desk.paint("hand", (40, 40, 20, 20), TEAL[:3], parent=group)
    hand = node_of(desk)
    inserted(node=hand, group=True, where=Where.TOP, name="one")
    inserted(node=figure, group=True, name="two")
    inserted(node=hand, name="three")
    assert [node.name() for node in group.childNodes()] == ["hand", "three", "one", "two"]
    group.setVisible(False)
    inserted(node=hand, group=True, name="four")
    inserted(node=hand, group=True, where=Where.TOP, name="five")
    assert desk.names() == ["paper", "figure", "four", "five"]


def test_a_result_for_no_layer_at_all_goes_on_top(desk, inserted):
    desk.document.setActiveNode(None)
    assert inserted() is None
    assert desk.names() == ["paper", "a fox"]


def test_a_replaced_layer_is_hidden_as_long_as_the_result_is_there(desk, inserted, qtbot):
    ink = desk.paint("ink", (0, 0, 128, 96), TEAL[:3])
    assert inserted(node=node_of(desk), where=Where.REPLACE) is None
    assert not ink.visible()
    fox = desk.document.nodeByName("a fox")
    fox.remove()
    qtbot.waitUntil(ink.visible, timeout=3000)
    desk.document.rootNode().addChildNode(fox, ink)
    qtbot.waitUntil(lambda: not ink.visible(), timeout=3000)
    ink.setVisible(True)
    replaced = desk.canvas._rooms.replaced
    qtbot.waitUntil(lambda: not replaced._timer.isActive(), timeout=3000)
    assert ink.visible(), "she has shown it herself"


def test_a_replaced_layer_of_a_closed_document_is_forgotten(desk, inserted, qtbot):
    ink = desk.paint("ink", (0, 0, 128, 96), TEAL[:3])
    inserted(node=node_of(desk), where=Where.REPLACE)
    ink.remove()
    replaced = desk.canvas._rooms.replaced
    replaced._look()
    assert replaced._timer.isActive(), "her undo may bring it back"
    desk.close()
    qtbot.waitUntil(lambda: not replaced._timer.isActive(), timeout=3000)


def test_a_mask_of_its_own_holds_what_shows(desk, inserted):
    assert inserted(as_mask=True) is None
    fox = desk.document.nodeByName("a fox")
    assert [mask.name() for mask in fox.childNodes()] == ["Selected part"]
    assert inserted(as_mask=True, name="an owl") is None, "the pattern is opened once"
    desk.krita.files["unreadable"] = desk.document
    desk.canvas._rooms.masks._pattern = None
    assert inserted(as_mask=True, name="a cat") is None
    assert desk.document.nodeByName("a cat").childNodes() == [], "without a mask it is baked in"


def test_a_canvas_is_enlarged_once_and_earlier_areas_are_found(desk, inserted):
    grown = Rect(-32, -16, 160, 112)
    assert inserted((-32, -16, 32, 16), captured=(128, 96), canvas=grown) is None
    assert (desk.document.width(), desk.document.height()) == (160, 112) and desk.seen(1, 1) == RED
    assert inserted((-32, -16, 32, 16), captured=(128, 96), canvas=grown, name="an owl") is None
    assert (desk.document.width(), desk.document.height()) == (160, 112)
    assert desk.canvas.here(desk.canvas.active_document(), Rect(0, 0, 8, 8), (128, 96)) == Rect(32, 16, 8, 8)
    assert desk.canvas.here("closed", Rect(0, 0, 8, 8), (128, 96)) == Rect(0, 0, 8, 8)


def test_what_changed_meanwhile_is_said(desk, inserted):
    told: list[str] = []
    desk.canvas.events.remark.connect(lambda _, sentence: told.append(sentence))
    inserted(node="{gone}")
    inserted(captured=(64, 64))
    assert "is gone" in told[0] and "another size" in told[1]


def test_what_krita_refuses_is_said(desk, inserted, monkeypatch):
    from . import fake_krita

    desk.document._colours = ("RGBA", "F32", "linear")
    monkeypatch.setattr(fake_krita.Node, "setColorSpace", lambda *_: False)
    assert "could not convert" in inserted()
    monkeypatch.undo()


def test_a_layer_has_the_documents_own_colours(desk, inserted):
    desk.document._colours = ("RGBA", "F32", "linear")
    assert inserted() is None
    assert desk.document.nodeByName("a fox")._colours == ("RGBA", "F32", "linear")
    desk.document.rootNode().refuses.add("add")
    assert inserted() == "Krita could not add the layer."


def test_a_document_that_is_closed_meanwhile_is_said(desk, inserted):
    document = desk.canvas.active_document()
    desk.close()
    assert "was closed" in inserted(document_id=document)
    assert desk.canvas.path_of(document) == "" and desk.canvas.modified(document) is False
    assert desk.canvas.annotation(document) == b"" and desk.canvas.is_open(document) is False
    desk.canvas.set_annotation(document, b"lost")


def test_cmyk_is_said_once(desk):
    assert desk.canvas.notice() is None
    desk.document._colours = ("CMYKA", "U8", "Chemical proof")
    assert desk.canvas.notice() is not None and desk.canvas.notice() is None


def test_messages_and_keys_go_to_the_canvas_in_front(desk):
    desk.canvas.message("Your picture is here.", Icon.DONE)
    assert [said[0] for said in desk.view.messages] == ["Your picture is here."]
    assert desk.canvas.only_canvas() is False
    desk.krita.actions["view_show_canvas_only"] = type("Action", (), {"isChecked": lambda self: True})()
    assert desk.canvas.only_canvas() is True
    desk.view.widget.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    desk.canvas.take_keys()
    assert desk.krita.window.main.focusWidget() is desk.view.widget


def test_a_rectangle_is_selected_in_the_document_in_front(desk):
    desk.canvas.select(Rect(4, 5, 20, 10))
    assert desk.canvas.scene(PlanSettings()).selection == Rect(4, 5, 20, 10)
    desk.close()
    desk.canvas.select(Rect(0, 0, 1, 1))


def test_an_area_is_followed_through_several_enlargements(desk):
    from wakebrush.canvas.placing import Enlargements, Shift

    done = Enlargements()
    done.note("d", (100, 100), Rect(-10, 0, 110, 100))
    done.note("d", (110, 100), Rect(0, -20, 110, 120))
    assert done.shift("d", (110, 120), (100, 100), None) == Shift(10, 20)
    assert done.shift("d", (999, 999), (100, 100), None).known is False
    assert done.shift("other", (110, 120), (100, 100), None).known is False


def test_a_picture_for_a_document_that_goes_while_it_is_written_is_refused(desk, qtbot):
    from wakebrush.canvas.base import LayerPixels, Placement

    outcome: list[str | None] = []
    layer = LayerPixels(Rect(0, 0, 4, 4), ())
    desk.canvas.insert(desk.canvas.active_document(), (layer,), "a fox", Placement(), "", outcome.append)
    desk.close()
    qtbot.waitUntil(lambda: bool(outcome), timeout=3000)
    assert "was closed" in str(outcome[0])


def test_a_mask_belongs_to_its_layer_and_the_image_has_none(desk):
    from wakebrush.canvas import nodes

    from . import fake_krita

    paper = desk.document.nodeByName("paper")
    mask = fake_krita.Node("mask", "transparencymask")
    paper.addChildNode(mask, None)
    assert nodes.layer_of(mask) is paper
    of_image = fake_krita.Node("selection", "selectionmask")
    desk.document.rootNode().addChildNode(of_image, None)
    assert nodes.layer_of(of_image) is None and nodes.group_of(None) is None


def test_newer_kritas_make_masks_themselves(desk, inserted, monkeypatch):
    from . import fake_krita

    def create(_document, name):
        return fake_krita.Node(name, "transparencymask")

    monkeypatch.setattr(fake_krita.Document, "createTransparencyMask", create, raising=False)
    desk.krita.files["unreadable"] = desk.document
    assert inserted(as_mask=True) is None
    assert [mask.name() for mask in desk.document.nodeByName("a fox").childNodes()] == ["Selected part"]


def test_undo_by_key_is_noticed_at_once(desk, inserted, qtbot, monkeypatch):
    from wakebrush.canvas import replaced
    from wakebrush.qt import QtWidgets

    monkeypatch.setattr(replaced, "LOOK_MS", 100_000)
    action = QtWidgets.QPushButton()
    qtbot.addWidget(action)
    action.triggered = action.clicked
    desk.krita.actions["edit_undo"] = action
    ink = desk.paint("ink", (0, 0, 128, 96), TEAL[:3])
    inserted(node=node_of(desk), where=Where.REPLACE)
    desk.document.nodeByName("a fox").remove()
    action.click()
    qtbot.waitUntil(ink.visible, timeout=300)

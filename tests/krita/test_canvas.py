"""The plugin's canvas in real Krita: what is read, what is written, and what is left alone."""

import math

import pytest

RED = [200, 20, 10]
TEAL = [20, 140, 150]
COLOUR_SPACES = [
    ("RGBA", "U8", "sRGB-elle-V2-srgbtrc.icc", 0),
    ("RGBA", "U8", "ClayRGB-elle-V2-g22.icc", 1),
    ("RGBA", "U16", "sRGB-elle-V2-srgbtrc.icc", 1),
    ("RGBA", "U16", "ClayRGB-elle-V2-g22.icc", 1),
    ("RGBA", "F32", "sRGB-elle-V2-g10.icc", 1),
    ("LABA", "U16", "", 4),  # this teal lies at the border of what its Lab can hold
]


def painted(krita, **arguments):
    """A document with a gradient over white paper."""
    krita.ask("documents.create", width=640, height=480, paper=[255, 255, 255], **arguments)
    krita.ask("documents.gradient")


def close_to(seen, expected, tolerance):
    return all(abs(a - b) <= tolerance for a, b in zip(seen[:3], expected[:3], strict=True))


def test_the_first_start_shows_the_docker_in_front_of_the_layers(krita):
    painted(krita)
    krita.until("docker.tabbed_with", "its place", lambda others: "KisLayerBox" in others)
    assert krita.ask("docker.look")["state_line"] != ""


def test_a_picture_becomes_one_layer_in_the_right_place_and_one_undo_removes_it(krita):
    painted(krita)
    before = krita.ask("documents.fingerprint")
    outside = krita.ask("documents.seen_hash", outside=[100, 60, 200, 150])
    assert krita.ask("canvas.insert_and_wait", color=RED, name="a fox", area=[100, 60, 200, 150]) is None
    assert krita.ask("documents.layers") == ["paper", "gradient", "a fox"]
    corners = krita.ask("documents.seen", points=[[100, 60], [299, 60], [100, 209], [299, 209]])
    assert corners == [[*RED, 255]] * 4
    assert krita.ask("documents.seen_hash", outside=[100, 60, 200, 150]) == outside
    assert krita.ask("documents.fingerprint", leave_out="a fox") == before
    krita.ask("window.undo")
    assert krita.ask("documents.fingerprint") == before
    krita.ask("window.redo")
    assert krita.ask("documents.seen", points=[[150, 100]]) == [[*RED, 255]]


def test_the_active_layer_stays_active(krita):
    painted(krita)
    krita.ask("documents.activate", name="paper")
    krita.ask("canvas.insert_and_wait", color=RED, name="a fox", area=[0, 0, 64, 64])
    assert krita.ask("documents.active_layer") == "paper"
    assert krita.ask("documents.layers") == ["paper", "a fox", "gradient"]


def test_a_layer_lands_above_the_active_one_inside_its_group(krita):
    painted(krita)
    krita.ask("documents.group", name="figure")
    krita.ask("documents.paint", name="hand", x=0, y=0, width=50, height=50, color=TEAL, parent="figure")
    krita.ask("documents.activate", name="hand")
    krita.ask("canvas.insert_and_wait", color=RED, name="a fox", area=[0, 0, 64, 64])
    assert krita.ask("documents.layers") == ["paper", "gradient", "figure", "figure/hand", "figure/a fox"]


def test_a_layer_lands_above_the_layer_whose_mask_is_active(krita):
    painted(krita)
    krita.ask("documents.activate", name="paper")
    assert krita.ask("documents.mask_on_active") == "transparencymask"
    mask = krita.ask("documents.active_layer")
    krita.ask("canvas.insert_and_wait", color=RED, name="a fox", area=[0, 0, 64, 64])
    assert krita.ask("documents.layers") == ["paper", f"paper/{mask}", "a fox", "gradient"]
    assert krita.ask("documents.active_layer") == mask


def test_a_selected_result_shows_inside_and_leaves_everything_beyond_its_soft_edge_alone(krita):
    painted(krita)
    krita.ask("documents.select", x=200, y=150, width=200, height=160)
    before = krita.ask("documents.fingerprint")
    reach = [200 - 16, 150 - 16, 200 + 32, 160 + 32]
    outside = krita.ask("documents.seen_hash", outside=reach)
    plan = krita.ask("canvas.capture", feather=16, padding=40)
    assert plan["selected"]
    krita.ask("canvas.insert_and_wait", color=RED, name="a fox", captures=["capture"])
    assert krita.ask("documents.seen_hash", outside=reach) == outside
    assert krita.ask("documents.seen", points=[[216, 166], [383, 293], [300, 230]]) == [[*RED, 255]] * 3
    assert krita.ask("documents.fingerprint", leave_out="a fox") == before
    edge = krita.ask("documents.layer_pixels", name="a fox", x=180, y=230, width=40, height=1)[0]
    strengths = [alpha for *_, alpha in edge]
    assert strengths == sorted(strengths) and strengths[0] == 0 and strengths[-1] == 255
    assert {tuple(color) for *color, alpha in edge if alpha} == {tuple(RED)}, "the soft edge keeps the picture's colour"


def test_without_feather_nothing_outside_the_selection_changes(krita):
    painted(krita)
    krita.ask("documents.select", x=200, y=150, width=200, height=160)
    outside = krita.ask("documents.seen_hash", outside=[200, 150, 200, 160])
    krita.ask("canvas.capture", feather=0, padding=40)
    krita.ask("canvas.insert_and_wait", color=RED, name="a fox", captures=["capture"])
    assert krita.ask("documents.seen_hash", outside=[200, 150, 200, 160]) == outside
    assert krita.ask("documents.seen", points=[[200, 150], [399, 309]]) == [[*RED, 255]] * 2


def test_the_engine_is_told_to_paint_the_grown_selection_and_its_soft_edge(krita):
    painted(krita)
    krita.ask("documents.select", x=200, y=150, width=200, height=160)
    plan = krita.ask("canvas.capture", grow=10, feather=16, padding=40, trained=256)
    mask = krita.ask("canvas.sent_gray", which="mask", y=0.5)
    x, _, width, _ = plan["area"]
    scale = plan["size"][0] / width
    first, last = mask.index(255) / scale + x, (len(mask) - mask[::-1].index(255)) / scale + x
    assert 200 - 10 - 16 - 2 <= first <= 200 - 10
    assert 400 + 10 <= last <= 400 + 10 + 16 + 2
    assert set(mask) == {0, 255}


@pytest.mark.parametrize(("model", "depth", "icc", "tolerance"), COLOUR_SPACES, ids=lambda value: str(value))
def test_colours_go_out_and_come_back_right_in_any_document(krita, model, depth, icc, tolerance):
    krita.ask("documents.create", width=256, height=256, model=model, depth=depth, profile=icc, paper=TEAL)
    colours = krita.ask("documents.colours")
    krita.ask("canvas.capture", trained=256)
    assert close_to(krita.ask("canvas.sent", points=[[0.5, 0.5]])[0], TEAL, tolerance)
    assert krita.ask("canvas.insert_and_wait", color=RED, name="a fox", area=[0, 0, 128, 256]) is None
    left, right = krita.ask("documents.seen", points=[[64, 128], [192, 128]])
    assert close_to(left, RED, tolerance)
    assert close_to(right, TEAL, tolerance)
    assert krita.ask("documents.colours") == colours
    layer = krita.ask("documents.fingerprint")["a fox"]
    assert [model, depth] == layer[-4:-2], "the layer has the document's own colours"


@pytest.mark.parametrize(("model", "depth", "icc"), [case[:3] for case in COLOUR_SPACES if case[0] == "RGBA"], ids=str)
def test_a_chart_of_colours_is_read_and_written_as_the_eye_sees_it(krita, model, depth, icc):
    krita.ask("documents.create", width=256, height=256, model=model, depth=depth, profile=icc, paper=[255, 255, 255])
    assert krita.ask("canvas.insert_chart") is None
    read, seen, meant = krita.ask("canvas.chart")
    for name, colours in (("read", read), ("seen", seen)):
        worst = max(difference(a, b) for a, b in zip(colours, meant, strict=True))
        assert worst <= 2, f"what is {name} differs by {worst:.1f}"


def difference(one, other):
    """CIE 1976 colour difference of two sRGB colours: 2.3 is just noticeable."""
    return math.dist(lab(one), lab(other))


def lab(colour):
    """CIE L*a*b* for D65, from sRGB (IEC 61966-2-1)."""
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (v / 255 for v in colour))
    x = (0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.9505
    y = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    z = (0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.089
    fx, fy, fz = (t ** (1 / 3) if t > 0.008856 else 7.787 * t + 16 / 116 for t in (x, y, z))
    return 116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)


def test_cmyk_documents_are_warned_of_once(krita):
    krita.ask("documents.create", width=128, height=128, model="CMYKA", paper=TEAL)
    assert krita.ask("canvas.notices") == ["CMYK: colours outside print range may shift a little.", None]
    assert krita.ask("canvas.insert_and_wait", color=TEAL, name="a fox", area=[0, 0, 64, 128]) is None
    inserted, painted_by_hand = krita.ask("documents.seen", points=[[32, 64], [96, 64]])
    assert close_to(inserted, painted_by_hand, 2)


def test_a_transparent_document_is_sent_on_paper_and_gets_a_clean_edge(krita):
    krita.ask("documents.create", width=400, height=300)
    krita.ask("documents.paint", name="sketch", x=0, y=0, width=200, height=300, color=[*TEAL, 255])
    krita.ask("documents.select", x=120, y=60, width=160, height=160)
    krita.ask("canvas.capture", feather=12, padding=20)
    inside, outside = krita.ask("canvas.sent", points=[[0.1, 0.5], [0.9, 0.5]])
    assert inside == TEAL
    assert outside == [255, 255, 255]
    krita.ask("canvas.insert_and_wait", color=RED, name="a fox", captures=["capture"])
    edge = krita.ask("documents.layer_pixels", name="a fox", x=260, y=140, width=40, height=1)[0]
    assert {tuple(color) for *color, alpha in edge if alpha} == {tuple(RED)}, "no dark fringe"
    seen = krita.ask("documents.seen", points=[[279, 140], [350, 140]])
    assert 0 < seen[0][3] < 255 and close_to(seen[0], RED, 2)
    assert seen[1][3] == 0, "what was transparent stays so"


def test_a_layer_goes_into_its_own_document_even_if_another_is_in_front(krita):
    painted(krita, name="first")
    first = krita.ask("canvas.state")["document"]
    krita.ask("documents.create", width=200, height=200, paper=TEAL, name="second")
    untouched = krita.ask("documents.fingerprint")
    assert krita.ask("canvas.insert_and_wait", color=RED, name="a fox", area=[0, 0, 64, 64], document=first) is None
    assert krita.ask("documents.fingerprint") == untouched
    assert krita.ask("documents.active_layer") == "paper"
    krita.ask("documents.bring_to_front", name="first")
    assert krita.ask("documents.layers") == ["paper", "gradient", "a fox"]
    assert krita.ask("documents.active_layer") == "gradient"


def test_a_picture_for_a_closed_document_is_refused_with_a_sentence(krita):
    painted(krita)
    document = krita.ask("canvas.state")["document"]
    krita.ask("documents.close_all")
    assert krita.ask("canvas.is_open", document=document) is False
    problem = krita.ask("canvas.insert_and_wait", color=RED, name="a fox", area=[0, 0, 64, 64], document=document)
    assert problem == "The document was closed before its picture could be added."


def test_a_document_keeps_its_id_while_it_is_open(krita):
    painted(krita)
    document = krita.ask("canvas.state")["document"]
    krita.ask("documents.resize", width=700, height=500)
    krita.ask("documents.flatten")
    krita.ask("documents.save", path=str(krita.log.with_name("identity.kra")))
    assert krita.ask("canvas.is_open", document=document) is True
    assert krita.ask("canvas.state")["document"] == document


def test_a_canvas_is_empty_until_something_is_painted_on_it(krita):
    krita.ask("documents.create", width=2000, height=1500, paper=[255, 255, 255])
    assert krita.ask("canvas.state")["is_empty"] is True
    krita.ask("documents.paint", name="dot", x=1900, y=1400, width=3, height=3, color=[0, 0, 0])
    krita.until("canvas.state", "the dot to be noticed", lambda state: not state["is_empty"], seconds=10)
    krita.ask("documents.select", x=10, y=10, width=300, height=300)
    state = krita.ask("canvas.state")
    assert state["has_selection"] and state["is_empty"]


def test_a_stroke_drawn_while_a_result_arrives_is_complete(krita):
    krita.ask("documents.create", width=640, height=480, paper=[255, 255, 255])
    krita.ask("documents.paint", name="ink", x=0, y=0, width=1, height=1, color=[255, 255, 255])
    krita.ask("canvas.brush", size=20)
    points = krita.ask("canvas.screen_points", points=[[120 + 5 * i, 240] for i in range(61)])
    krita.hand.move(points[0])
    krita.hand.press()
    krita.hand.pass_through(points[1:20], 0.3)
    krita.ask("canvas.insert", color=RED, name="a fox", area=[0, 0, 640, 100])
    krita.hand.pass_through(points[20:], 0.6)
    assert krita.ask("canvas.outcome") is None, "nothing is inserted while the button is down"
    assert "a fox" not in krita.ask("documents.layers")
    krita.hand.release()
    krita.until("canvas.outcome", "the layer after the stroke", lambda outcome: outcome and outcome["problem"] is None)
    first, last, gaps = krita.ask("documents.stroke_extent", layer="ink", y=240)
    assert first <= 122 and last >= 418 and gaps == 0
    assert krita.ask("documents.active_layer") == "ink"
    krita.ask("window.undo")
    assert "a fox" not in krita.ask("documents.layers")
    assert krita.ask("documents.stroke_extent", layer="ink", y=240) is not None, "her stroke is another undo step"


def test_a_transform_that_is_open_is_not_ended_by_a_result(krita):
    painted(krita)
    krita.ask("window.tool", action="KisToolTransform")
    krita.ask("canvas.insert", color=RED, name="a fox", area=[0, 0, 64, 64])
    krita.ask("window.wait", seconds=0.6)
    assert krita.ask("canvas.outcome") is None
    assert krita.ask("window.current_tool") == ["KisToolTransform"]
    krita.ask("window.tool", action="KritaShape/KisToolBrush")
    krita.until("canvas.outcome", "the layer after the transform", lambda outcome: outcome and outcome["problem"] is None)
    assert krita.ask("documents.layers")[-1] == "a fox"

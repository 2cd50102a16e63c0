"""The way out: what is written down, what is sent, and what is not done twice."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from wakebrush.canvas.base import ActiveLayer, Capture, Placement, Source
from wakebrush.canvas.gray import gray_bytes
from wakebrush.canvas.plan import ModelSize, PlanSettings, Rect, Scene, Task, plan
from wakebrush.client.config import Connection
from wakebrush.client.errors import Problem
from wakebrush.client.service import Service
from wakebrush.journal import Journal
from wakebrush.qt import QByteArray, QImage, Qt
from wakebrush.session.encoder import Encoder, media_type
from wakebrush.session.pictures import decode
from wakebrush.session.planned import Planned
from wakebrush.session.region_settings import RegionSettings
from wakebrush.session.request import Order, PaintRequest, portions
from wakebrush.session.sending import Outbox, Press, Sheet

from .fake_canvas import FakeCanvas
from .fake_service import TOKEN, FakeService

CANVAS = (3000, 600)
ISLANDS = Rect(50, 50, 100, 100), Rect(2800, 400, 100, 100)
REQUEST = PaintRequest("a castle", "", "gouache", portions([Order("a castle", "", 7, 3)], 2))
ONE = replace(REQUEST, orders=(Order("a castle", "", 7),))


def planned(task: Task = Task.FILL, **more: object) -> Planned:
    settings = PlanSettings(task, **more)  # type: ignore[arg-type]
    scene = Scene(CANVAS, ISLANDS[0].united(ISLANDS[1]), ISLANDS)
    return Planned(plan(scene, settings, ModelSize(512, 512)), settings, Source(), Placement(node="l1"))


def capture(made: Planned, part: int, colour: Qt.GlobalColor = Qt.GlobalColor.red) -> Capture:
    region = made.plan.regions[part]
    pixels = QImage(region.area.width, region.area.height, QImage.Format.Format_ARGB32)
    pixels.fill(colour)
    selection = QByteArray(bytes([255]) * (region.area.width * region.area.height))
    return Capture("d1", "/castle.kra", made.plan, region, pixels if made.plan.needs_image else None, selection)


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journal")


@pytest.fixture
def outbox(qapp: object, journal: Journal) -> Outbox:
    return Outbox(FakeCanvas(), journal)


@pytest.fixture
def client(service: FakeService) -> Service:
    return Service(Connection(service.endpoint, TOKEN, "settings"))


def written(outbox: Outbox, made: Planned, part: int = 0, request: PaintRequest = ONE, key: str = "k", **more: object):  # type: ignore[no-untyped-def]
    sheets = tuple(Sheet(f"{key}{part}{n}", order) for n, order in enumerate(request.orders))
    return outbox.write_down(Press("press", request, made), capture(made, part, **more), part, sheets)  # type: ignore[arg-type]


def test_each_region_and_order_has_its_entry_and_all_have_the_same_press(outbox: Outbox, journal: Journal) -> None:
    made = planned()
    entries = [entry for part in (0, 1) for entry in written(outbox, made, part, REQUEST)]
    assert [(each.part, each.parts, each.offset, each.count) for each in entries] == [
        (0, 2, 0, 2), (0, 2, 2, 1), (1, 2, 0, 2), (1, 2, 2, 1),
    ]  # fmt: skip
    assert {each.press_id for each in entries} == {each.request["group"] for each in entries} == {"press"}
    assert [each.request["seed"] for each in entries] == [7, 9, 7, 9]
    assert {kept.entry.key for kept in journal.all()} == {each.key for each in entries}
    assert all(each.request["reference"] == each.key for each in entries)


def test_the_journal_holds_all_that_a_result_needs_to_become_a_layer(outbox: Outbox, journal: Journal) -> None:
    made = planned()
    (entry,) = written(outbox, made)
    region = made.plan.regions[0]
    for role, size in (("image", (region.width, region.height)), ("alpha", (region.area.width, region.area.height))):
        picture = decode(journal.picture(entry.key, role) or b"")
        assert (picture.width(), picture.height()) == size
    assert set(entry.uploads) == {"image", "mask"}
    assert entry.placement["node"] == "l1"
    assert entry.recipe["task"] == "fill" and entry.recipe["prompt"] == "a castle"
    assert entry.region["target"] == {"x": region.target.x, "y": region.target.y, "width": region.target.width,
                                      "height": region.target.height}  # type: ignore[union-attr]  # fmt: skip


def test_the_shape_of_a_selection_is_kept_here_unless_it_is_a_rectangle(outbox: Outbox, journal: Journal) -> None:
    settings, box = PlanSettings(Task.FILL), Rect(50, 50, 100, 100)
    alone = plan(Scene(CANVAS, box, (box,)), settings, ModelSize(512, 512))
    made = Planned(alone, settings, Source(), Placement(node="l1"), box)
    read = capture(made, 0)
    area = read.region.area
    for number, full in enumerate((box.width * box.height, 77)):
        values = bytes([255]) * full + bytes(area.width * area.height - full)
        sheets = (Sheet(f"k{number}", ONE.orders[0]),)
        (entry,) = outbox.write_down(Press("p", ONE, made), replace(read, selection=QByteArray(values)), 0, sheets)
        kept = journal.picture(entry.key, "selection")
        assert set(entry.uploads) == {"image", "mask"}
        assert (None if kept is None else gray_bytes(decode(kept))) == (None if full > 77 else values)
    islands = replace(planned(), selected=ISLANDS[0].united(ISLANDS[1]))
    assert all(journal.picture(written(outbox, islands, part)[0].key, "selection") for part in (0, 1))


def test_a_generated_picture_sends_no_pixels(outbox: Outbox, client: Service, service: FakeService) -> None:
    (entry,) = written(outbox, planned(Task.GENERATE))
    outbox.send(client, entry)
    assert entry.uploads == {} and service.blobs == {}


def test_the_input_of_kept_transparency_stays_here(outbox: Outbox, journal: Journal) -> None:
    (entry,) = written(outbox, planned(Task.GENERATE, keep_transparency=True))
    assert entry.uploads == {}
    assert journal.picture(entry.key, "opacity") is not None and journal.picture(entry.key, "image") is None


def test_an_unchanged_region_is_uploaded_once_and_not_asked_for_again(
    outbox: Outbox, client: Service, service: FakeService
) -> None:
    made = planned()
    (first,) = written(outbox, made, key="a")
    outbox.send(client, first)
    calls = len(service.calls)
    (second,) = written(outbox, made, key="b")
    entry, job, _ = outbox.send(client, second)
    assert second.uploads == first.uploads
    assert service.calls[calls:] == [("POST", "/v1/generate")]
    assert entry.job_id == job.id


def test_what_the_model_only_looks_at_is_sent_small_and_what_it_starts_from_exactly(
    outbox: Outbox, client: Service, service: FakeService
) -> None:
    (filled,) = written(outbox, planned(Task.FILL), key="a")
    (refined,) = written(outbox, planned(Task.REFINE, strength=0.5), key="b")
    for entry in (filled, refined):
        outbox.send(client, entry)
    kinds = {role: media_type(service.blobs[sha]) for role, sha in filled.uploads.items()}
    assert kinds == {"image": "image/jpeg", "mask": "image/png"}
    assert media_type(service.blobs[refined.uploads["image"]]) == "image/png"
    assert decode(service.blobs[filled.uploads["image"]]).width() == filled.request["width"]
    assert set(service.media_types.values()) == {"image/jpeg", "image/png"}


def test_a_changed_region_is_uploaded(outbox: Outbox, client: Service, service: FakeService) -> None:
    made = planned()
    (first,) = written(outbox, made, key="a")
    (second,) = written(outbox, made, key="b", colour=Qt.GlobalColor.blue)
    outbox.send(client, first)
    outbox.send(client, second)
    assert first.uploads["image"] != second.uploads["image"] and first.uploads["mask"] == second.uploads["mask"]
    assert {*first.uploads.values(), *second.uploads.values()} == set(service.blobs)


def test_what_the_service_has_lost_is_sent_again(outbox: Outbox, client: Service, service: FakeService) -> None:
    made = planned()
    (first,) = written(outbox, made, key="a")
    outbox.send(client, first)
    service.blobs.clear()
    (second,) = written(outbox, made, key="b")
    outbox.send(client, second)
    assert set(service.blobs) == set(second.uploads.values())


def test_another_refusal_is_told(outbox: Outbox, client: Service, service: FakeService) -> None:
    problem = {"status": 402, "code": "budget_exhausted", "title": "The budget is used up."}
    service.refuse = lambda method, path: (402, problem) if path == "/v1/generate" else None
    (entry,) = written(outbox, planned())
    with pytest.raises(Problem, match="used up"):
        outbox.send(client, entry)


def test_another_service_is_sent_everything(outbox: Outbox, client: Service, service: FakeService) -> None:
    made = planned()
    (first,) = written(outbox, made, key="a")
    outbox.send(client, first)
    with FakeService() as other:
        (second,) = written(outbox, made, key="b")
        outbox.send(Service(Connection(other.endpoint, TOKEN, "settings")), second)
        assert set(other.blobs) == set(second.uploads.values())


def test_a_picture_that_is_gone_from_the_disk_is_missed(outbox: Outbox, client: Service, journal: Journal) -> None:
    (entry,) = written(outbox, planned())
    (journal.folder / entry.key / "mask.png").unlink()
    with pytest.raises(FileNotFoundError, match="mask of"):
        outbox.send(client, entry)


def test_what_a_press_would_do_is_planned_with_the_layer_and_the_layers_that_are_not_seen(qapp: object) -> None:
    canvas, settings = FakeCanvas(), RegionSettings()
    canvas.selection, canvas.layer = Rect(10, 10, 64, 64), ActiveLayer("l7", "ink", unseen=True)
    now = Planned.now(canvas, settings, Task.FILL, ModelSize(512, 512))
    assert now.plan.task is Task.FILL and now.settings == settings.plan_settings(Task.FILL)
    assert now.source.unseen == ("l7",) and now.placement.node == "l7"
    canvas.layer = None
    assert Planned.now(canvas, settings, Task.FILL, ModelSize(512, 512)).placement.node is None


def picture(value: int, size: int = 64) -> QImage:
    image = QImage(size, size, QImage.Format.Format_Grayscale8)
    image.fill(value)
    return image


def test_the_same_pixels_are_compressed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    monkeypatch.setattr("wakebrush.session.encoder.encode", lambda image: made.append(image) or b"file %d" % len(made))
    encoder = Encoder()
    assert encoder.encode(picture(5)) == encoder.encode(picture(5)) == b"file 1"
    assert encoder.encode(picture(6)) == b"file 2"
    assert encoder.encode(picture(5, 32)) == b"file 3", "the same values in another shape"


def test_the_memory_of_encoded_pictures_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    monkeypatch.setattr("wakebrush.session.encoder.encode", lambda image: made.append(image) or bytes(40))
    encoder = Encoder(most_bytes=100)
    for value in (1, 2, 1, 3, 1, 2):
        encoder.encode(picture(value))
    assert len(made) == 4, "1 was used again and again; 2 had to go for 3"

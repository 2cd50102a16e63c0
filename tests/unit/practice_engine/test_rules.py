"""Order of nodes, keys of cached results, names of files, numbers of the queue."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image

from wake_service.practice_engine.catalogue import Catalogue
from wake_service.practice_engine.failures import Failure, FailurePlan, Kind, OutOfMemory
from wake_service.practice_engine.folders import KEPT_SECONDS, Folders, OutsideFolder
from wake_service.practice_engine.graph import Schedule, signatures
from wake_service.practice_engine.nodes import RUNNERS, latents
from wake_service.practice_engine.prompts import Item, PromptQueue
from wake_service.practice_engine.validation import Validator

CHAIN = {str(n): {"class_type": "ImageInvert", "inputs": {"image": [str(n + 1), 0]}} for n in range(3000)}
CHAIN["3000"] = {"class_type": "EmptyImage", "inputs": {"width": 8, "height": 8, "batch_size": 1, "color": 0}}
CHAIN["out"] = {"class_type": "PreviewImage", "inputs": {"images": ["0", 0]}}


def _item(number: float, name: str) -> Item:
    return Item(number, name, {}, {"create_time": 0}, [])


def test_every_class_of_the_catalogue_can_run(tmp_path: Path) -> None:
    assert set(Catalogue(Folders(tmp_path).input_images).names()) == set(RUNNERS)


def test_a_tight_gpu_runs_out_of_memory_except_over_a_graph_that_decodes_in_tiles() -> None:
    plan = FailurePlan(Failure.parse("tight@2"))
    plan.at_step(2, 12, frugal=True)
    with pytest.raises(OutOfMemory):
        plan.at_step(2, 12, frugal=False)


def test_a_graph_of_thousands_of_nodes_is_checked_and_ordered(tmp_path: Path) -> None:
    folders = Folders(tmp_path)
    verdict = Validator(Catalogue(folders.input_images), folders).check(CHAIN)
    assert (verdict.outputs, verdict.error) == (["out"], None)
    schedule = Schedule(CHAIN, ["out"], {}, lambda node: node == "out")
    order = []
    while (node := schedule.next()) is not None:
        order.append(node)
        schedule.done(node)
    assert order == [str(n) for n in range(3000, -1, -1)] + ["out"]


def test_output_nodes_run_as_soon_as_they_can() -> None:
    prompt: dict[str, Any] = {
        "a": {"class_type": "X", "inputs": {}},
        "far": {"class_type": "X", "inputs": {"x": ["a", 0]}},
        "b": {"class_type": "X", "inputs": {"x": ["far", 0]}},
        "out1": {"class_type": "O", "inputs": {"x": ["b", 0]}},
        "out2": {"class_type": "O", "inputs": {"x": ["a", 0]}},
    }
    schedule = Schedule(prompt, ["out1", "out2"], {}, lambda node: node.startswith("out"))
    order = []
    while (node := schedule.next()) is not None:
        order.append(node)
        schedule.done(node)
    assert order == ["a", "out2", "far", "b", "out1"]


def test_a_result_is_known_again_only_if_everything_behind_it_is_the_same() -> None:
    prompt: dict[str, Any] = {
        "1": {"class_type": "EmptyImage", "inputs": {"color": 1}},
        "2": {"class_type": "ImageInvert", "inputs": {"image": ["1", 0]}},
    }
    other = {**prompt, "1": {"class_type": "EmptyImage", "inputs": {"color": 2}}}
    renamed = {"7": prompt["1"], "2": {"class_type": "ImageInvert", "inputs": {"image": ["7", 0]}}}
    key = signatures(prompt, ["2"], lambda _: "")["2"]
    assert signatures(renamed, ["2"], lambda _: "")["2"] == key
    assert signatures(other, ["2"], lambda _: "")["2"] != key
    assert signatures(prompt, ["2"], lambda node: "new file" if node == "1" else "")["2"] != key


@pytest.mark.parametrize("name", ["../a.png", "/etc/passwd", "a/../../b.png", "a\0b.png"])
def test_no_name_leads_out_of_a_folder(tmp_path: Path, name: str) -> None:
    folders = Folders(tmp_path)
    with pytest.raises(OutsideFolder):
        folders.inside("input", name)
    assert folders.find_input(name) is None
    with pytest.raises(OutsideFolder):
        folders.next_free("output", "../" + name if not name.startswith(("/", "..")) else name)


def test_a_link_in_the_input_folder_does_not_lead_out(tmp_path: Path) -> None:
    secret = tmp_path / "secret.png"
    secret.write_bytes(b"x")
    folders = Folders(tmp_path / "engine")
    (tmp_path / "engine" / "input" / "link.png").symlink_to(secret)
    assert folders.find_input("link.png") is None


def test_saved_pictures_are_numbered_on_per_name(tmp_path: Path) -> None:
    folders = Folders(tmp_path)
    for name in ("a_00001_.png", "a_00007_.png", "ab_00020_.png", "a_x.png"):
        (tmp_path / "output" / name).write_bytes(b"x")
    assert folders.next_free("output", "a")[2:] == ("a", 8)
    assert folders.next_free("output", "deep/er/a") == (tmp_path / "output/deep/er", "deep/er", "a", 1)


def test_a_name_can_say_its_folder(tmp_path: Path) -> None:
    folders = Folders(tmp_path)
    (tmp_path / "output" / "a.png").write_bytes(b"x")
    assert folders.find_input("a.png") is None
    assert folders.find_input("a.png [output]") == tmp_path / "output" / "a.png"


def test_equal_numbers_run_in_the_order_they_came() -> None:
    queue = PromptQueue(lambda remaining: None)
    for number, name in ((1, "z"), (0, "first"), (1, "a")):
        queue.put(_item(number, name))
    assert [item.prompt_id for item in queue.snapshot()[1]] == ["first", "z", "a"]
    assert [item.prompt_id for item in (queue.take(), queue.take(), queue.take()) if item] == ["first", "z", "a"]


def test_cancelling_interrupts_only_what_runs() -> None:
    queue, interrupted = PromptQueue(lambda remaining: None), threading.Event()
    queue.put(_item(0, "runs"))
    queue.put(_item(1, "waits"))
    queue.take()
    assert queue.cancel("waits", interrupted.set)
    assert not interrupted.is_set()
    assert not queue.cancel("unknown", interrupted.set)
    assert queue.cancel("runs", interrupted.set)
    assert interrupted.is_set()


def test_the_counter_file_carries_failures_on(tmp_path: Path) -> None:
    failure, counter = Failure(Kind.OUT_OF_MEMORY, 1), tmp_path / "count"
    for _ in range(2):
        with pytest.raises(OutOfMemory):
            FailurePlan(failure, first=2, counter=counter).at_step(1, 4)
    FailurePlan(failure, first=2, counter=counter).at_step(1, 4)
    counter.write_text("not a number")
    with pytest.raises(OutOfMemory):
        FailurePlan(failure, first=2, counter=counter).at_step(1, 4)


def test_an_animation_counts_with_all_its_frames(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folders = Folders(tmp_path)
    frames = [Image.new("L", (40, 40), shade) for shade in (0, 120, 240)]
    frames[0].save(tmp_path / "input" / "a.gif", save_all=True, append_images=frames[1:])
    run = SimpleNamespace(folders=folders)
    (pictures, _masks) = RUNNERS["LoadImage"](run, image="a.gif").values
    assert pictures.shape == (3, 40, 40, 3)
    monkeypatch.setattr(latents, "MAX_PIXELS", 40 * 40 * 2)
    with pytest.raises(OutOfMemory):
        RUNNERS["LoadImage"](run, image="a.gif")


def test_what_a_wake_service_left_goes_after_a_week_and_what_others_left_stays(tmp_path: Path) -> None:
    Folders(tmp_path)
    old, young, others = (tmp_path / "output" / name for name in ("wakebrush/old.png", "wakebrush/young.png", "others.png"))
    old.parent.mkdir()
    for path in (old, young, others):
        path.write_bytes(b"picture")
    for path in (old, others):
        os.utime(path, (time.time() - KEPT_SECONDS - 60,) * 2)
    Folders(tmp_path)
    assert [path.exists() for path in (old, young, others)] == [False, True, True]

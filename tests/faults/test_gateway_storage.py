"""The disk is full while ComfyUI clients paint. What was accepted is delivered once there is room; the rest is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.follower import Follower
from tests.faults.painter import Painter
from tests.faults.small_disk import MIB, SmallDisk, small_disk

Start = Callable[..., Follower]
TIMES = 10


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """48 MiB for a service named `full` and its machine."""
    with small_disk(tmp_path / "full", 48 * MIB) as disk:
        yield disk


@pytest.fixture
def her(disk: SmallDisk, start: Start, tmp_path: Path) -> Follower:
    """An artist whose service lives on the small disk and keeps 1 MiB free. The engine's files lie elsewhere."""
    (tmp_path / "engine").mkdir()
    (disk.folder / "engine").symlink_to(tmp_path / "engine")
    return start(name="full", min_free_bytes=MIB, practice_args="--step-seconds 0.05", idle_seconds=5)


@pytest.mark.timeout(400)
def test_a_prompt_whose_result_finds_no_room_is_delivered_when_there_is_some(her: Follower, disk: SmallDisk) -> None:
    with Painter(her.service) as painter:
        prompts = []
        for _ in range(TIMES):
            prompts.append(painter.send(8))
            painter.until_told("progress", prompts[-1])
            disk.fill()
            painter.until(_last_step(prompts[-1].id))
            assert painter.json(f"/history/{prompts[-1].id}") == {}
            disk.make_room()
            painter.until_ended(prompts[-1:])
        painter.assert_delivered_once(prompts)


def test_without_room_prompts_and_uploads_are_refused_in_comfyuis_words_and_taken_later(her: Follower, disk: SmallDisk) -> None:
    with Painter(her.service) as painter:
        painter.assert_delivered_once([first := painter.send()])
        disk.fill()
        for path, body in (("/prompt", {"json": {"prompt": painter.graph(first)}}), ("/upload/image", _picture())):
            answer = painter.ask("POST", path, **body)
            assert answer.status_code == 507, (path, answer.text)
            assert "disk is full" in answer.json()["error"]["message"]
        assert painter.ask("GET", "/queue").status_code == 200
        disk.make_room()
        assert painter.ask("POST", "/upload/image", **_picture()).status_code == 200
        painter.assert_delivered_once([first, painter.send()])


def _last_step(prompt_id: str) -> Callable[[str, dict[str, object]], bool]:
    return lambda event, data: event == "progress" and data["prompt_id"] == prompt_id and data["value"] == data["max"]


def _picture() -> dict[str, object]:
    return {"files": {"image": ("a.png", b"x" * 100_000, "image/png")}}

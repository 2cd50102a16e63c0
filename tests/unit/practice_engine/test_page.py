"""The practice engine as a server of ComfyUI's web page, with and without the example node pack."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.contract.engine.client import Engine
from tests.contract.engine.graphs import node
from tests.contract.engine.process import PracticeProcess

from .conftest import Start

Connect = Callable[[PracticeProcess], Engine]


@pytest.fixture
def front_end(tmp_path: Path) -> Path:
    """A page of two files."""
    root = tmp_path / "page"
    (root / "extensions/core").mkdir(parents=True)
    (root / "index.html").write_text("<title>the page</title>")
    (root / "extensions/core/own.js").write_text("// own")
    return root


async def test_the_pages_files_are_served_and_its_scripts_come_before_those_of_packs(
    start: Start, connect: Connect, front_end: Path
) -> None:
    engine = connect(start("--front-end-root", str(front_end), "--practice-pack"))
    page = await engine.get("/")
    assert (page.body, page.headers["Cache-Control"]) == (b"<title>the page</title>", "no-cache")
    assert (await engine.get("/extensions")).json() == ["/extensions/core/own.js", "/extensions/practice-pack/practice_pack.js"]
    assert (await engine.get("/extensions/core/own.js")).body == b"// own"
    assert (await engine.get("/..%2Fengine/engine.log")).status == 404


async def test_without_a_page_it_says_what_it_is(start: Start, connect: Connect) -> None:
    engine = connect(start())
    assert b"Practice mode: sketches, no AI" in (await engine.get("/")).body
    assert (await engine.get("/extensions")).json() == []


async def test_a_graph_with_the_packs_node_is_painted(start: Start, connect: Connect) -> None:
    engine = connect(start("--practice-pack"))
    graph = {
        "1": node("EmptyImage", width=8, height=6, batch_size=1, color=0xFFFFFF),
        "2": node("PracticeFrame", image=["1", 0], width=2, colour="indigo"),
        "3": node("SaveImage", images=["2", 0], filename_prefix="framed"),
    }
    (picture,) = await engine.pictures(graph)
    assert picture[2:4, 2:6].min() == 255
    assert np.abs(picture[:2] - (46, 51, 122)).max() <= 1


async def test_the_packs_routes_answer_and_say_what_they_cannot_do(start: Start, connect: Connect) -> None:
    engine = connect(start("--practice-pack"))
    assert set((await engine.get("/practice_pack/colours")).json()) == {"ochre", "indigo", "madder"}
    mixed = await engine.post("/api/practice_pack/mix", json={"colours": ["ochre", "indigo"]})
    assert mixed.json() == {"colour": "#7d554e"}
    assert (await engine.post("/practice_pack/mix", json={"colours": ["mauve"]})).status == 400


async def test_without_the_pack_nothing_of_it_is_there(start: Start, connect: Connect) -> None:
    engine = connect(start())
    assert (await engine.get("/object_info/PracticeFrame")).json() == {}
    assert (await engine.get("/practice_pack/colours")).status == 404


async def test_log_lines_are_kept_and_told_to_those_who_asked_for_them(start: Start, connect: Connect) -> None:
    engine = connect(start())
    async with engine.listening() as listener:
        subscription = {"clientId": listener.client, "enabled": True}
        assert (await engine.ask("PATCH", "/internal/logs/subscribe", json=subscription)).status == 200
        await engine.send(
            {"1": node("EmptyImage", width=8, height=8, batch_size=1, color=0), "2": node("PreviewImage", images=["1", 0])}
        )
        await listener.until(lambda event, data: event == "logs" and "Prompt executed" in data["entries"][0]["m"])
    kept = (await engine.get("/internal/logs/raw")).json()
    assert any("got prompt" in entry["m"] for entry in kept["entries"])
    assert "got prompt" in (await engine.get("/internal/logs")).json()

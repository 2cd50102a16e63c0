"""Start, announcement and end of the engine's process; what it imitates on request."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.contract.engine import graphs
from tests.contract.engine.client import Engine
from tests.contract.engine.process import PracticeProcess

from .conftest import CHECKPOINT, Start

Connect = Callable[[PracticeProcess], Engine]
GRAPH = graphs.text_to_image(CHECKPOINT, seed=3)


async def test_it_says_everywhere_that_it_is_practice(start: Start, connect: Connect) -> None:
    process = start()
    stats = (await connect(process).get("/system_stats")).json()
    assert stats["system"]["practice"] is True
    assert stats["system"]["name"] == stats["devices"][0]["name"] == "Practice mode: sketches, no AI"
    assert "Practice mode: sketches, no AI" in process.log.read_text()
    assert b"Practice mode: sketches, no AI" in (await connect(process).get("/")).body


async def test_its_folders_lie_in_its_directory_and_temp_is_emptied(start: Start) -> None:
    process = start()
    assert {"input", "output", "temp"} <= {path.name for path in process.directory.iterdir()}
    (process.directory / "temp" / "old.png").write_bytes(b"x")
    (process.directory / "input" / "kept.png").write_bytes(b"x")
    process.stop()
    start()
    assert not (process.directory / "temp" / "old.png").exists()
    assert (process.directory / "input" / "kept.png").exists()


async def test_the_announcement_file_holds_the_address_while_it_runs(start: Start, tmp_path: Path) -> None:
    file = tmp_path / "address"
    process = start("--announce", str(file))
    assert file.read_text() == process.url + "\n"
    assert process.stop() == 0
    assert not file.exists()


async def test_sigterm_ends_it_in_order_even_in_the_middle_of_a_picture(start: Start, connect: Connect) -> None:
    process = start("--step-seconds", "30")
    engine = connect(process)
    async with engine.listening() as listener:
        await engine.send(GRAPH, client_id=listener.client)
        await listener.until(lambda event, data: event == "executing" and data["node"] == "3")
        assert await asyncio.to_thread(process.stop) == 0


def test_sigterm_ends_it_while_it_still_starts(tmp_path: Path) -> None:
    process = PracticeProcess(tmp_path / "engine", "--startup-seconds", "600")
    process.wait_until_logged("Practice mode")
    assert process.first_line(0.05) == ""
    assert process.stop() == 0


async def test_it_survives_a_reader_that_is_gone(start: Start, connect: Connect) -> None:
    process = start()
    assert process.process.stdout is not None
    process.process.stdout.close()
    await connect(process).pictures(GRAPH)


def test_startup_seconds_pass_before_it_listens(start: Start) -> None:
    begun = time.monotonic()
    start("--startup-seconds", "1.5")
    assert time.monotonic() - begun >= 1.5


async def test_the_first_step_carries_the_models_loading_and_only_once(start: Start, connect: Connect) -> None:
    process = start("--load-seconds", "1", "--step-seconds", "0.05")
    engine = connect(process)
    first, second = await _steps(engine, 1), await _steps(engine, 2)
    assert first[0] >= 1.05 and first[2] >= 1.15 and second[2] >= 0.15
    assert process.log.read_text().count("Requested to load") == 1
    await engine.post("/free", json={"unload_models": True})
    assert (await _steps(engine, 3))[0] >= 1.05
    assert process.log.read_text().count("Requested to load") == 2


async def test_options_can_come_from_the_environment(start: Start, connect: Connect) -> None:
    engine = connect(start(environment={"WAKEBRUSH_PRACTICE_STEP_SECONDS": "0.1"}))
    assert (await _steps(engine, 1))[2] >= 0.3


async def test_an_interruption_does_not_wait_for_a_slow_step(start: Start, connect: Connect) -> None:
    engine = connect(start("--step-seconds", "30"))
    async with engine.listening() as listener:
        prompt_id = await engine.send(GRAPH, client_id=listener.client)
        await listener.until(lambda event, data: event == "executing" and data["node"] == "3")
        await engine.post("/interrupt", json={"prompt_id": prompt_id})
        await listener.end_of(prompt_id)


async def test_it_answers_while_it_sketches(start: Start, connect: Connect) -> None:
    engine = connect(start())
    async with engine.listening() as listener:
        graph = graphs.text_to_image(CHECKPOINT, width=1024, height=1024, steps=8)
        prompt_id = await engine.send(graph, client_id=listener.client)
        waits, begun = [], time.monotonic()
        while ("executing", {"node": None, "prompt_id": prompt_id}) not in listener.frames:
            asked = time.monotonic()
            assert (await engine.get("/prompt")).status == 200
            waits.append(time.monotonic() - asked)
    took = time.monotonic() - begun
    assert len(waits) > 10
    assert max(waits) < took / 2


async def test_out_of_memory_is_reported_as_torch_would_and_the_engine_goes_on(start: Start, connect: Connect) -> None:
    engine = connect(start("--fail", "oom@2", "--fail-first", "1"))
    _, frames = await engine.run(GRAPH)
    (error,) = [data for event, data in frames if event == "execution_error"]
    assert (error["exception_type"], error["node_type"], error["traceback"]) == ("torch.OutOfMemoryError", "KSampler", [])
    assert "out of memory" in error["exception_message"]
    assert [data["value"] for event, data in frames if event == "progress"] == [1]
    await engine.pictures(GRAPH)


async def test_too_large_a_picture_runs_out_of_memory_by_itself(start: Start, connect: Connect) -> None:
    engine = connect(start())
    _, frames = await engine.run(graphs.text_to_image(CHECKPOINT, width=16384, height=16384))
    assert [data["exception_type"] for event, data in frames if event == "execution_error"] == ["torch.OutOfMemoryError"]


async def test_a_hang_hears_no_interruption_but_the_engine_answers(start: Start, connect: Connect) -> None:
    process = start("--fail", "hang@2")
    engine = connect(process)
    async with engine.listening() as listener:
        prompt_id = await engine.send(GRAPH, client_id=listener.client)
        # The step before the hang still hears an interruption, so its progress is too early to ask.
        await asyncio.to_thread(process.wait_until_logged, "hang in step 2")
        await engine.post("/interrupt", json={})
        queue = (await engine.get("/queue")).json()
        assert [item[1] for item in queue["queue_running"]] == [prompt_id]
    assert await asyncio.to_thread(process.stop) == 0


async def test_a_crash_every_time_comes_back_after_each_restart(start: Start, connect: Connect) -> None:
    for _ in range(2):
        await _crash(start("--fail", "crash@3"), connect)


async def test_a_crash_once_is_remembered_across_a_restart(start: Start, connect: Connect, tmp_path: Path) -> None:
    arguments = ("--fail", "crash@3", "--fail-first", "1", "--fail-counter", str(tmp_path / "failed"))
    await _crash(start(*arguments), connect)
    await connect(start(*arguments)).pictures(GRAPH)


async def test_a_failure_in_a_step_beyond_the_last_comes_in_the_last(start: Start, connect: Connect) -> None:
    _, frames = await connect(start("--fail", "oom@99")).run(GRAPH)
    assert [data["value"] for event, data in frames if event == "progress"] == [1, 2, 3]


@pytest.mark.parametrize("failure", ["crash", "crash@", "crash@0", "explode@3", "oom@-1"])
def test_a_failure_that_makes_no_sense_is_refused_at_the_start(tmp_path: Path, failure: str) -> None:
    process = PracticeProcess(tmp_path / "engine", "--fail", failure)
    assert process.wait_for_end() == 2
    assert "write oom@STEP, tight@STEP, hang@STEP or crash@STEP" in process.log.read_text()


async def test_drift_and_blur_are_the_known_ones(start: Start, connect: Connect) -> None:
    graph = {
        "4": graphs.node("CheckpointLoaderSimple", ckpt_name=CHECKPOINT),
        "10": graphs.node("EmptyImage", width=64, height=64, batch_size=1, color=0x808080),
        "11": graphs.node("VAEEncode", pixels=["10", 0], vae=["4", 2]),
        "8": graphs.node("VAEDecode", samples=["11", 0], vae=["4", 2]),
        "9": graphs.node("SaveImage", filename_prefix="drift", images=["8", 0]),
    }
    (plain,) = await connect(start()).pictures(graph)
    (shifted,) = await connect(start("--drift", "1", "--blur", "1.5")).pictures(graph)
    assert (plain == 128).all()
    assert [int(value) for value in shifted[30, 30]] == [135, 125, 122]


async def _crash(process: PracticeProcess, connect: Connect) -> None:
    engine = connect(process)
    async with engine.listening() as listener:
        await engine.send(GRAPH, client_id=listener.client)
        await asyncio.to_thread(process.wait_for_end)
    assert process.process.returncode == -signal.SIGKILL
    heard = [data["value"] for data in listener.named("progress")]
    assert heard == [1, 2][: len(heard)], "what was not sent yet is lost in a crash"


async def _steps(engine: Engine, seed: int) -> list[float]:
    """Seconds from the order of a picture in three steps to each of them, as heard: later than it was, never earlier."""
    times = []
    async with engine.listening() as listener:
        begun = time.monotonic()
        await engine.send(graphs.text_to_image(CHECKPOINT, seed=seed, steps=3), client_id=listener.client)
        at = -1
        for _ in range(3):
            at = await listener.until(lambda event, _: event == "progress", after=at + 1)
            times.append(time.monotonic() - begun)
    return times

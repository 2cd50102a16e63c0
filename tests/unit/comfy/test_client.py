from __future__ import annotations

import socket
import time
from collections.abc import Awaitable, Callable

import aiohttp
import pytest

from wake_service.comfy.client import EngineClient
from wake_service.comfy.events import ImageRef
from wake_service.comfy.reports import Outcome, QueueState
from wake_service.comfy.socket import EngineSocket
from wake_service.comfy.timeouts import Timeouts
from wake_service.errors import EngineDraining, EngineError, EngineRefused, EngineUnreachable

from .fake_engine import SILENCE, FakeEngine

PROMPT = "0e4a2c3f-8f0c-4c5e-9c6e-0a1b2c3d4e5f"
GRAPH = {"1": {"class_type": "SaveImage", "inputs": {"seed": 2**64 - 1}}}


async def test_system_stats_say_version_and_devices(engine: FakeEngine, client: EngineClient) -> None:
    device = {"name": "cuda:0 NVIDIA", "type": "cuda", "vram_total": 24, "vram_free": 20, "new": 1}
    engine.answers["/system_stats"] = 200, {"system": {"comfyui_version": "0.45.2", "os": "linux"}, "devices": [device]}
    stats = await client.system_stats()
    assert stats.version == "0.45.2"
    assert (stats.devices[0].name, stats.devices[0].kind, stats.devices[0].memory_free) == ("cuda:0 NVIDIA", "cuda", 20)
    assert stats.raw["system"]["os"] == "linux"


async def test_object_info_comes_whole(engine: FakeEngine, client: EngineClient) -> None:
    engine.answers["/object_info"] = 200, {"KSampler": {"input": {}}}
    assert await client.object_info() == {"KSampler": {"input": {}}}


async def test_an_upload_returns_the_name_to_load_it_by(engine: FakeEngine, client: EngineClient) -> None:
    large = bytes(range(256)) * 20_000
    assert await client.upload_image("abc.png", large) == "wakebrush/abc.png"
    assert engine.uploads == {"wakebrush/abc.png": large}
    assert await client.upload_image("abc.png", b"x", subfolder="") == "abc.png"


async def test_a_graph_is_queued_under_our_own_id(engine: FakeEngine, client: EngineClient) -> None:
    engine.answers["/prompt"] = 200, {"prompt_id": PROMPT, "number": 3, "node_errors": {}}
    await client.submit(PROMPT, GRAPH, client_id="service")
    assert engine.received[0].body == {"prompt": GRAPH, "prompt_id": PROMPT, "client_id": "service"}


async def test_an_engine_that_files_it_under_another_id_is_not_trusted(engine: FakeEngine, client: EngineClient) -> None:
    engine.answers["/prompt"] = 200, {"prompt_id": "other", "number": 3, "node_errors": {}}
    with pytest.raises(EngineError, match="another id"):
        await client.submit(PROMPT, GRAPH, client_id="service")


async def test_a_refused_graph_keeps_the_engines_reasons(engine: FakeEngine, client: EngineClient) -> None:
    flaw = {
        "type": "value_not_in_list",
        "message": "Value not in list",
        "details": "ckpt_name: 'a' not in ['b']",
        "extra_info": {},
    }
    node_errors = {"1": {"errors": [flaw], "dependent_outputs": ["9"], "class_type": "CheckpointLoaderSimple"}}
    error = {
        "type": "prompt_outputs_failed_validation",
        "message": "Prompt outputs failed validation",
        "details": "",
        "extra_info": {},
    }
    engine.answers["/prompt"] = 400, {"error": error, "node_errors": node_errors}
    with pytest.raises(EngineRefused) as raised:
        await client.submit(PROMPT, GRAPH, client_id="service")
    assert raised.value.kind == "prompt_outputs_failed_validation"
    assert raised.value.node_errors == node_errors
    assert "CheckpointLoaderSimple: Value not in list (ckpt_name: 'a' not in ['b'])" in str(raised.value)


async def test_a_refusal_without_reasons_is_an_error_all_the_same(engine: FakeEngine, client: EngineClient) -> None:
    engine.answers["/prompt"] = 500, b"500 Internal Server Error"
    with pytest.raises(EngineError, match="status 500"):
        await client.submit(PROMPT, GRAPH, client_id="service")


async def test_the_queue_is_told_in_the_order_it_will_run(engine: FakeEngine, client: EngineClient) -> None:
    engine.answers["/queue"] = (
        200,
        {
            "queue_running": [[4, "now", {}, {}, []]],
            "queue_pending": [[9, "last", {}, {}, []], [-1, "next", {}, {}, []], ["odd"]],
        },
    )
    queue = await client.queue()
    assert queue == QueueState(("now",), ("next", "last"))
    assert "last" in queue
    assert "gone" not in queue


async def test_history_of_a_success_names_its_pictures(engine: FakeEngine, client: EngineClient) -> None:
    image = {"filename": "a_00001_.png", "subfolder": "wakebrush", "type": "output"}
    status = {"status_str": "success", "completed": True, "messages": [["execution_start", {"prompt_id": PROMPT}]]}
    engine.answers[f"/history/{PROMPT}"] = (
        200,
        {PROMPT: {"prompt": [], "outputs": {"9": {"images": [image]}}, "status": status, "meta": {}}},
    )
    entry = await client.history(PROMPT)
    assert entry is not None
    assert entry.status is Outcome.SUCCESS
    assert entry.outputs == {"9": (ImageRef("a_00001_.png", "wakebrush", "output"),)}
    assert entry.images == (ImageRef("a_00001_.png", "wakebrush", "output"),)
    assert entry.messages[0][0] == "execution_start"
    assert entry.error is None


@pytest.mark.parametrize(
    ("message", "status"),
    [
        (["execution_interrupted", {"prompt_id": PROMPT, "node_id": "3"}], Outcome.INTERRUPTED),
        (
            ["execution_error", {"prompt_id": PROMPT, "node_type": "KSampler", "exception_type": "torch.OutOfMemoryError"}],
            Outcome.ERROR,
        ),
        (["something_new", {}], Outcome.ERROR),
    ],
)
async def test_history_tells_an_interruption_from_a_failure(
    engine: FakeEngine, client: EngineClient, message: list[object], status: Outcome
) -> None:
    written = {"status_str": "error", "completed": False, "messages": [message]}
    engine.answers[f"/history/{PROMPT}"] = 200, {PROMPT: {"outputs": {}, "status": written}}
    entry = await client.history(PROMPT)
    assert entry is not None
    assert entry.status is status
    assert (entry.error is not None) is (status is Outcome.ERROR)
    if message[0] == "execution_error":
        assert entry.error is not None
        assert entry.error.out_of_memory
        assert entry.error.node_type == "KSampler"


@pytest.mark.parametrize("answer", [{}, {PROMPT: None}])
async def test_a_prompt_the_engine_does_not_know_has_no_history(engine: FakeEngine, client: EngineClient, answer: object) -> None:
    engine.answers[f"/history/{PROMPT}"] = 200, answer
    assert await client.history(PROMPT) is None


async def test_a_picture_comes_as_the_engine_stored_it(engine: FakeEngine, client: EngineClient) -> None:
    picture = bytes(range(256)) * 20_000
    engine.answers["/view"] = 200, picture
    assert await client.view(ImageRef("a b&c.png", "wake/brush", "output")) == picture
    assert engine.received[0].query == {"filename": "a b&c.png", "subfolder": "wake/brush", "type": "output"}


async def test_interrupting_names_the_prompt(engine: FakeEngine, client: EngineClient) -> None:
    engine.answers["/interrupt"] = 200, b""
    await client.interrupt(PROMPT)
    assert engine.received[0].body == {"prompt_id": PROMPT}


async def test_deleting_and_freeing_say_what(engine: FakeEngine, client: EngineClient) -> None:
    engine.answers["/queue"] = engine.answers["/free"] = 200, b""
    await client.delete([PROMPT])
    await client.free()
    assert [received.body for received in engine.received] == [{"delete": [PROMPT]}, {"unload_models": True, "free_memory": True}]


async def test_the_token_goes_with_every_call_and_a_path_prefix_is_kept(engine: FakeEngine) -> None:
    engine.answers["/t/x/queue"] = 200, {}
    async with aiohttp.ClientSession() as session:
        client = EngineClient(f"{engine.base_url}/t/x/", token="secret", session=session)
        assert await client.queue() == QueueState()
        await client.close()
        assert not session.closed
    assert engine.received[0].headers["Authorization"] == "Bearer secret"


async def test_a_redirect_is_not_followed(engine: FakeEngine, client: EngineClient) -> None:
    engine.answers["/queue"] = 302, b""
    with pytest.raises(EngineError, match="status 302"):
        await client.queue()


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [
        (401, EngineError, "token"),
        (403, EngineError, "token"),
        (413, EngineError, "larger"),
        (503, EngineUnreachable, "no work at the moment"),
    ],
)
async def test_refusals_are_sentences(
    engine: FakeEngine, client: EngineClient, status: int, kind: type[EngineError], words: str
) -> None:
    engine.answers["/queue"] = status, b""
    with pytest.raises(kind, match=words) as raised:
        await client.queue()
    assert type(raised.value) is kind


@pytest.mark.parametrize(("said", "seconds"), [("7", 7.0), ("Thu, 26 Nov 2026 19:00:00 GMT", 5.0), (None, 5.0)])
async def test_a_machine_that_is_about_to_stop_says_when_to_ask_again(
    engine: FakeEngine, client: EngineClient, said: str | None, seconds: float
) -> None:
    engine.headers["/prompt"] = {"Retry-After": said} if said else {}
    engine.answers["/prompt"] = (
        503,
        {"error": {"type": "draining", "message": "This machine is about to stop."}, "node_errors": {}},
    )
    with pytest.raises(EngineDraining, match="about to stop") as raised:
        await client.submit("p1", {}, client_id="c")
    assert raised.value.retry_after == seconds


async def test_closing_lets_go_of_open_sockets_too(engine: FakeEngine, client: EngineClient) -> None:
    await EngineSocket(client, "me").open()
    await client.close()
    assert engine.socket_log == ["+me", "-me"]


@pytest.mark.parametrize("call", [EngineClient.queue, EngineClient.object_info])
async def test_something_else_at_the_address_is_told_apart(
    engine: FakeEngine, client: EngineClient, call: Callable[[EngineClient], Awaitable[object]]
) -> None:
    engine.answers["/queue"] = 200, b"<html>"
    engine.answers["/object_info"] = 200, []
    with pytest.raises(EngineError, match="not an engine"):
        await call(client)


async def test_a_silent_engine_meets_a_deadline(engine: FakeEngine) -> None:
    engine.answers["/queue"] = 200, SILENCE
    client = EngineClient(engine.base_url, timeouts=Timeouts(answer=0.1))
    started = time.monotonic()
    with pytest.raises(EngineUnreachable, match=r"did not answer /queue within 0\.1 s"):
        await client.queue()
    assert time.monotonic() - started < 5
    engine.release.set()
    await client.close()


async def test_no_engine_is_unreachable() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        client = EngineClient(f"http://127.0.0.1:{unused.getsockname()[1]}")
        with pytest.raises(EngineUnreachable, match="cannot be reached"):
            await client.system_stats()
        await client.close()

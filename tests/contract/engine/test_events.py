"""What clients hear over the WebSocket, and who hears what."""

from __future__ import annotations

import io
import json
import struct
import uuid

import pytest
from PIL import Image

from . import graphs
from .client import Engine

METADATA = {"supports_preview_metadata": True}


async def test_the_first_frame_is_the_status_with_the_clients_id(engine: Engine) -> None:
    async with engine.listening() as listener:
        assert listener.frames[0] == ("status", {"status": {"exec_info": {"queue_remaining": 0}}, "sid": listener.client})


async def test_a_client_without_id_is_given_one(engine: Engine) -> None:
    async with engine.session.ws_connect(f"{engine.url}/api/ws") as socket:
        first = await socket.receive_json(timeout=10)
    assert first["data"]["sid"]


async def test_feature_flags_are_answered_once_and_first(engine: Engine) -> None:
    async with engine.listening(flags=METADATA) as listener:
        at = await listener.until(lambda event, _: event == "feature_flags")
        assert listener.frames[at][1]["supports_preview_metadata"] is True
        await listener.socket.send_json({"type": "feature_flags", "data": {}})
        prompt_id = await engine.send(graphs.plain(output="SaveImageWebsocket"), client_id=listener.client)
        await listener.end_of(prompt_id)
    assert len(listener.named("feature_flags")) == 1
    assert listener.named(4), "the first announcement still counts"


async def test_nonsense_from_a_client_is_passed_over(engine: Engine) -> None:
    async with engine.listening() as listener:
        await listener.socket.send_str("{not json")
        await listener.socket.send_bytes(b"\0\1")
        await listener.socket.send_str("[1]")
        prompt_id = await engine.send(graphs.plain(colour=41), client_id=listener.client)
        await listener.end_of(prompt_id)


async def test_a_preview_without_metadata_follows_its_step(engine: Engine) -> None:
    _, frames = await engine.run(graphs.text_to_image(engine.checkpoint, seed=51))
    for index, (event, data) in enumerate(frames):
        if event == 1:
            assert frames[index - 1][0] == "progress"
            assert struct.unpack(">I", data[:4])[0] == 1
            assert Image.open(io.BytesIO(data[4:])).format == "JPEG"
    assert sum(event == 1 for event, _ in frames) == 4


async def test_a_preview_with_metadata_goes_before_its_step_and_names_it(engine: Engine) -> None:
    prompt_id, frames = await engine.run(graphs.text_to_image(engine.checkpoint, seed=52), flags=METADATA)
    found = [index for index, (event, _) in enumerate(frames) if event == 4]
    assert len(found) == 4
    for index in found:
        assert frames[index + 1][0] == "progress"
        (length,) = struct.unpack(">I", frames[index][1][:4])
        metadata = json.loads(frames[index][1][4 : 4 + length])
        assert metadata == {
            "node_id": "3",
            "prompt_id": prompt_id,
            "display_node_id": "3",
            "parent_node_id": None,
            "real_node_id": "3",
            "image_type": "image/jpeg",
        }
        assert max(Image.open(io.BytesIO(frames[index][1][4 + length :])).size) == 512


async def test_pictures_over_the_websocket_are_png_and_leave_no_history(engine: Engine) -> None:
    prompt_id, frames = await engine.run(graphs.plain(output="SaveImageWebsocket", width=20, height=12))
    (data,) = [data for event, data in frames if event == 1]
    assert struct.unpack(">I", data[:4])[0] == 2
    picture = Image.open(io.BytesIO(data[4:]))
    assert (picture.format, picture.size) == ("PNG", (20, 12))
    step = {"value": 0, "max": 1, "prompt_id": prompt_id, "node": "3"}
    steps = [data for event, data in frames if event == "progress"]
    assert steps == [step] * (1 if engine.world.steady else max(1, len(steps)))  # a killed machine begins anew
    assert (await engine.get(f"/history/{prompt_id}")).json()[prompt_id]["outputs"] == {}


async def test_an_unchanged_graph_is_answered_from_the_cache(engine: Engine) -> None:
    graph = graphs.plain(colour=0x0F0F0F)
    _, first = await engine.run(graph)
    prompt_id, second = await engine.run(graph)
    assert [data["nodes"] for event, data in second if event == "execution_cached"] == [["1", "2", "3"]]
    assert not [data for event, data in second if event == "executing" and data["node"]]
    if engine.world.gateway:  # files of its own, which stay when those of the other prompt are deleted
        assert len(_outputs(second)) == len(_outputs(first)) == 1
    else:
        assert _outputs(second) == _outputs(first)
    assert second[-1] == ("executing", {"node": None, "prompt_id": prompt_id})


async def test_a_changed_input_runs_only_what_depends_on_it(engine: Engine) -> None:
    await engine.run(graphs.text_to_image(engine.checkpoint, seed=61))
    _, frames = await engine.run(graphs.text_to_image(engine.checkpoint, seed=62))
    assert [data["nodes"] for event, data in frames if event == "execution_cached"] == [["4", "5", "6", "7"]]
    assert [data["node"] for event, data in frames if event == "executing"] == ["3", "8", "9", None]


async def test_a_new_input_picture_of_the_same_name_is_seen(engine: Engine) -> None:
    name = f"{uuid.uuid4().hex}.png"
    graph = {"1": graphs.node("LoadImage", image=name), "2": graphs.node("PreviewImage", images=["1", 0])}
    for colour in ((200, 0, 0), (0, 0, 200)):
        await engine.upload(name, Image.new("RGB", (8, 8), colour), overwrite="true")
        (picture,) = await engine.pictures(graph)
        assert tuple(picture[0, 0]) == colour


async def test_only_the_sender_hears_its_prompt_but_everybody_the_queue(engine: Engine) -> None:
    async with engine.listening() as sender, engine.listening() as other:
        prompt_id = await engine.send(graphs.plain(colour=71), client_id=sender.client)
        await sender.end_of(prompt_id)
        await other.until(lambda event, data: event == "status" and data["status"]["exec_info"]["queue_remaining"] == 0, after=2)
        assert {event for event, _ in other.frames} == {"status"}


async def test_without_client_id_progress_and_pictures_go_to_everybody(engine: Engine) -> None:
    async with engine.listening() as one, engine.listening() as two:
        prompt_id = await engine.send(graphs.plain(colour=72, output="SaveImageWebsocket"))
        for listener in (one, two):
            await listener.until(lambda event, _: event == 1)
            await listener.until(
                lambda event, data: event == "status" and data["status"]["exec_info"]["queue_remaining"] == 0, after=2
            )
            assert {event for event, _ in listener.frames} == {"status", "progress_state", "progress", 1}
            assert listener.named("progress")[0]["prompt_id"] == prompt_id


@pytest.mark.direct("The gateway keeps results for a client that comes back.")
async def test_an_id_that_is_not_connected_hears_nothing_later(engine: Engine) -> None:
    ghost = uuid.uuid4().hex
    async with engine.listening() as witness:
        prompt_id = await engine.send(graphs.plain(colour=73), client_id=ghost)
        after = await engine.send(graphs.plain(colour=74), client_id=witness.client)
        await witness.end_of(after)
        assert prompt_id not in json.dumps([data for event, data in witness.frames if isinstance(event, str)])
    async with engine.listening(ghost) as late:
        assert late.frames == [("status", {"status": {"exec_info": {"queue_remaining": 0}}, "sid": ghost})]


@pytest.mark.gateway("No result is lost because its client was away.")
async def test_an_id_that_was_not_connected_hears_of_its_results_when_it_is(engine: Engine) -> None:
    ghost = uuid.uuid4().hex
    async with engine.listening() as witness:
        prompt_id = await engine.send(graphs.plain(colour=78, output="SaveImageWebsocket"), client_id=ghost)
        after = await engine.send(graphs.plain(colour=79), client_id=witness.client)
        await witness.end_of(after)
        told = [data for event, data in witness.frames if isinstance(event, str)]
        assert prompt_id not in json.dumps(told)
    async with engine.listening(ghost) as late:
        await late.end_of(prompt_id)
    assert [event for event, _ in late.frames if event != "status"] == [1, "execution_success", "executing"]


async def test_a_client_that_comes_back_is_told_the_running_node_without_prompt(engine: Engine) -> None:
    client = uuid.uuid4().hex
    async with engine.listening(client) as first:
        prompt_id = await engine.send(graphs.endless(engine.checkpoint, 75), client_id=client)
        await first.until(lambda event, _: event == "progress")
    async with engine.listening(client) as second:
        await second.until(lambda event, _: event == "progress")
        assert second.frames[1] == ("executing", {"node": "3"})
        await engine.post("/interrupt", json={"prompt_id": prompt_id})
        await second.end_of(prompt_id)


async def test_a_second_socket_of_a_client_takes_the_first_ones_place(engine: Engine) -> None:
    client = uuid.uuid4().hex
    async with engine.listening(client) as first, engine.listening(client) as second:
        heard = len(first.frames)
        prompt_id = await engine.send(graphs.plain(colour=76), client_id=client)
        await second.end_of(prompt_id)
        assert len(first.frames) == heard


async def test_another_web_site_is_refused_before_anything_else(engine: Engine) -> None:
    foreign = {"Origin": "https://example.org"}
    answer = await engine.get("/prompt", headers=foreign)
    assert answer.status == 403
    if not engine.world.gateway:  # which says why
        assert answer.body == b""
    own = await engine.get("/prompt", headers={"Origin": engine.origin})
    assert own.status == 200


async def test_a_cross_site_request_is_refused(modern: Engine) -> None:
    answer = await modern.get("/system_stats", headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status == 403
    if not modern.world.gateway:  # which says why
        assert answer.body == b""


def _outputs(frames: list) -> list:
    return [(data["node"], data["output"]) for event, data in frames if event == "executed"]


async def test_a_failing_node_is_reported_and_the_next_prompt_runs(engine: Engine) -> None:
    name = f"{uuid.uuid4().hex}.png"
    await engine.upload(name, b"this is no picture")
    graph = {"1": graphs.node("LoadImage", image=name), "2": graphs.node("PreviewImage", images=["1", 0])}
    prompt_id, frames = await engine.run(graph)
    (error,) = [data for event, data in frames if event == "execution_error"]
    assert error == error | {"prompt_id": prompt_id, "node_id": "1", "node_type": "LoadImage", "executed": []}
    assert error["current_inputs"] == {"image": [name]}
    assert {"exception_message", "exception_type", "traceback", "current_outputs", "timestamp"} <= set(error)
    assert not [event for event, _ in frames if event == "execution_success"]
    entry = (await engine.get(f"/history/{prompt_id}")).json()[prompt_id]
    assert (entry["status"]["status_str"], entry["status"]["completed"]) == ("error", False)
    await engine.pictures(graphs.plain(colour=77))

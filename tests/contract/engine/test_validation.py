"""What an engine says to prompts that cannot run."""

from __future__ import annotations

import copy
import io
import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from . import graphs
from .client import Engine

Change = Callable[[dict[str, Any]], None]


def _set(node: str, name: str, value: Any) -> Change:
    def change(graph: dict[str, Any]) -> None:
        graph[node]["inputs"][name] = value

    return change


def _drop(node: str, name: str) -> Change:
    def change(graph: dict[str, Any]) -> None:
        del graph[node]["inputs"][name]

    return change


FAULTS: list[tuple[str, str, str, Change]] = [
    ("required_input_missing", "3", "steps", _drop("3", "steps")),
    ("value_smaller_than_min", "3", "steps", _set("3", "steps", 0)),
    ("value_bigger_than_max", "3", "denoise", _set("3", "denoise", 1.5)),
    ("value_bigger_than_max", "3", "seed", _set("3", "seed", 2**64)),
    ("value_bigger_than_max", "5", "width", _set("5", "width", 100_000)),
    ("invalid_input_type", "3", "steps", _set("3", "steps", "many")),
    ("invalid_input_type", "3", "cfg", _set("3", "cfg", None)),
    ("value_not_in_list", "4", "ckpt_name", _set("4", "ckpt_name", "no such model.safetensors")),
    ("value_not_in_list", "3", "sampler_name", _set("3", "sampler_name", "no such sampler")),
    ("bad_linked_input", "8", "samples", _set("8", "samples", ["3"])),
    ("return_type_mismatch", "8", "samples", _set("8", "samples", ["4", 0])),
]


@pytest.mark.parametrize(("kind", "node", "name", "change"), FAULTS, ids=lambda value: value if isinstance(value, str) else "")
async def test_a_faulty_input_is_named_with_its_node(engine: Engine, kind: str, node: str, name: str, change: Change) -> None:
    graph = graphs.text_to_image(engine.checkpoint)
    change(graph)
    found = (await _verdict(engine, graph, "prompt_outputs_failed_validation"))[node]
    assert found["class_type"] == graph[node]["class_type"]
    assert found["dependent_outputs"] == ["9"]
    (error,) = found["errors"]
    assert (error["type"], error["extra_info"]["input_name"]) == (kind, name)
    assert set(error) == {"type", "message", "details", "extra_info"}


async def _verdict(engine: Engine, graph: graphs.Graph, kind: str) -> dict[str, Any]:
    """The `node_errors` of a graph that an engine refuses: in the answer, or with its end where the machine slept until then."""
    async with engine.listening() as listener:
        answer = await engine.post("/prompt", json={"prompt": graph, "client_id": listener.client})
        body = answer.json()
        if answer.status == 200 and not engine.world.steady:
            await listener.end_of(body["prompt_id"])
            (told,) = listener.named("execution_error")
            assert told["prompt_id"] == body["prompt_id"]
            node_errors: dict[str, Any] = told["node_errors"]
            return node_errors
    assert answer.status == 400
    assert body["error"]["type"] == kind
    assert set(body["error"]) == {"type", "message", "details", "extra_info"}
    node_errors = body["node_errors"]
    return node_errors


async def test_a_missing_input_picture_fails_the_nodes_own_check(engine: Engine) -> None:
    answer = await engine.post("/prompt", json={"prompt": graphs.over_image(engine.checkpoint, "nowhere.png")})
    assert answer.status == 400
    (error,) = answer.json()["node_errors"]["10"]["errors"]
    assert error["type"] == "custom_validation_failed"
    assert error["details"] == "image - Invalid image file: nowhere.png"


async def test_a_prompt_without_output_nodes_is_refused(engine: Engine) -> None:
    graph = graphs.plain()
    del graph["3"]
    answer = await engine.post("/prompt", json={"prompt": graph})
    assert (answer.status, answer.json()["error"]["type"], answer.json()["node_errors"]) == (400, "prompt_no_outputs", {})


async def test_a_body_without_prompt_is_refused(engine: Engine) -> None:
    answer = await engine.post("/prompt", json={"client_id": "x"})
    assert (answer.status, answer.json()["error"]["type"], answer.json()["node_errors"]) == (400, "no_prompt", {})


async def test_one_good_output_is_enough(engine: Engine) -> None:
    graph = graphs.plain() | {"9": graphs.node("SaveImage", images=["2", 0])}
    answer = await engine.post("/prompt", json={"prompt": graph})
    assert answer.status == 200
    found = answer.json()["node_errors"]
    if found or engine.world.steady:  # while its machine sleeps nobody knows yet
        assert list(found) == ["9"]
        assert found["9"]["errors"][0]["type"] == "required_input_missing"


async def test_values_are_converted_as_python_would(engine: Engine) -> None:
    graph = graphs.plain()
    graph["1"]["inputs"] |= {"width": "24", "height": 16.9}
    (picture,) = await engine.pictures(graph)
    assert picture.shape == (16, 24, 3)


async def test_malformed_json_is_a_plain_500(engine: Engine) -> None:
    for path in ("/prompt", "/queue", "/free"):
        answer = await engine.post(path, data=b"{not json")
        assert (answer.status, answer.headers["Content-Type"].split(";")[0]) == (500, "text/plain"), path
        assert b"Traceback" not in answer.body
    assert (await engine.get("/prompt")).status == 200


async def test_a_body_over_100_mib_is_too_large(engine: Engine) -> None:
    answer = await engine.post("/prompt", data=io.BytesIO(b" " * (104_857_600 + 1)))
    assert answer.status == 413


async def test_an_unknown_node_class_has_an_error_of_its_own(engine: Engine) -> None:
    """ComfyUI 0.3.64 called it `invalid_prompt`; since 2026 it is `missing_node_type` and names the node."""
    graph = graphs.plain() | {"7": {"class_type": "NoSuchNode", "inputs": {}, "_meta": {"title": "My node"}}}
    async with engine.listening() as listener:
        body = (await engine.post("/prompt", json={"prompt": graph, "client_id": listener.client})).json()
        if "error" not in body and not engine.world.steady:  # a node pack of the machine that sleeps might bring it by now
            await listener.end_of(body["prompt_id"])
            (told,) = listener.named("execution_error")
            assert "My node" in told["exception_message"]
            return
    assert body["error"]["details"] == "Node ID '#7'"
    assert body["node_errors"] == {}
    if engine.modern:
        assert body["error"]["type"] == "missing_node_type"
        assert body["error"]["extra_info"] == {"node_id": "7", "class_type": "NoSuchNode", "node_title": "My node"}


async def test_a_node_without_class_is_a_missing_node_type(modern: Engine) -> None:
    graph = graphs.plain() | {"7": {"inputs": {}}}
    body = (await modern.post("/prompt", json={"prompt": graph})).json()
    assert (body["error"]["type"], body["error"]["extra_info"]["node_id"]) == ("missing_node_type", "7")


async def test_a_node_that_depends_on_itself_is_refused(modern: Engine) -> None:
    graph = graphs.plain()
    graph["1"] = graphs.node("ImageInvert", image=["2", 0])
    body = (await modern.post("/prompt", json={"prompt": graph})).json()
    kinds = {error["type"] for entry in body["node_errors"].values() for error in entry["errors"]}
    assert kinds == {"dependency_cycle"}


ODD_NAMES = ["job-1", "A3F1C5B2-0000-4000-8000-000000000000", "a3f1c5b2000040008000000000000000"]


@pytest.mark.gateway("Clients of last year may call their prompts anything; engines are given ids of ours.")
@pytest.mark.parametrize("prompt_id", ODD_NAMES)
async def test_a_prompt_may_be_called_anything(modern: Engine, prompt_id: str) -> None:
    name = f"{prompt_id}-{uuid.uuid4().hex}"
    async with modern.listening() as listener:
        assert await modern.send(graphs.plain(colour=11), prompt_id=name, client_id=listener.client) == name
        await listener.end_of(name)
    assert list((await modern.get(f"/history/{name}")).json()) == [name]


@pytest.mark.parametrize("prompt_id", [7, ""])
async def test_a_prompt_id_must_be_a_text(modern: Engine, prompt_id: Any) -> None:
    answer = await modern.post("/prompt", json={"prompt": graphs.plain(), "prompt_id": prompt_id})
    assert (answer.status, answer.json()["error"]["type"], answer.json()["node_errors"]) == (400, "invalid_prompt_id", {})


@pytest.mark.direct("The gateway takes any name, for clients of last year.")
@pytest.mark.parametrize("prompt_id", ODD_NAMES)
async def test_a_prompt_id_must_be_a_canonical_uuid(modern: Engine, prompt_id: Any) -> None:
    answer = await modern.post("/prompt", json={"prompt": graphs.plain(), "prompt_id": prompt_id})
    assert (answer.status, answer.json()["error"]["type"], answer.json()["node_errors"]) == (400, "invalid_prompt_id", {})


@pytest.mark.strict("ComfyUI 0.33 answers with a 500")
@pytest.mark.parametrize(
    "prompt",
    [None, [], "text", 3, {"1": None}, {"1": []}, {"1": {"class_type": ["x"]}}, {"1": {"class_type": "SaveImage", "inputs": 3}}],
)
async def test_nonsense_in_place_of_a_prompt_is_a_400(modern: Engine, prompt: Any) -> None:
    answer = await modern.post("/prompt", json={"prompt": prompt})
    assert answer.status == 400
    assert set(answer.json()) == {"error", "node_errors"}


@pytest.mark.strict("ComfyUI 0.33 takes an output number below zero")
@pytest.mark.parametrize("link", [["99", 0], ["1", 7], ["1", -1], ["1", "0"], [1, 0], ["1", None]])
async def test_a_link_that_leads_nowhere_is_refused(modern: Engine, link: Any) -> None:
    graph = copy.deepcopy(graphs.plain())
    graph["2"]["inputs"]["image"] = link
    node_errors = await _verdict(modern, graph, "prompt_outputs_failed_validation")
    assert node_errors
    assert "Traceback" not in json.dumps(node_errors)


@pytest.mark.strict("ComfyUI 0.33 takes some of these and answers others with a 500")
@pytest.mark.parametrize("number", ["first", None, [], float("nan"), float("inf")])
async def test_a_place_in_the_queue_must_be_a_number(modern: Engine, number: Any) -> None:
    answer = await modern.post("/prompt", json={"prompt": graphs.plain(), "number": number})
    assert (answer.status, answer.json()["error"]["type"]) == (400, "invalid_prompt")

"""What may be asked for, and how it is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from wake_service.gateway.refusals import Refusal
from wake_service.gateway.v2.requests import checked_key, job_body

GRAPH = {"1": {"class_type": "SaveImage", "inputs": {}}}


def body(**more: Any) -> bytes:
    return json.dumps({"workflow": GRAPH} | more).encode()


def refusal(raw: bytes) -> tuple[int, str]:
    with pytest.raises(Refusal) as caught:
        job_body(raw)
    assert isinstance(caught.value.body, dict) and caught.value.body["error"]["message"].endswith(".")
    return caught.value.status, caught.value.body["error"]["code"]


def test_a_graph_comes_with_its_labels_and_the_key_that_is_not_stored() -> None:
    wanted = job_body(body(metadata={"client": "acme"}, extra_data={"api_key_comfy_org": "secret"}))
    assert wanted.workflow == GRAPH
    assert wanted.labels == {"client": "acme"}
    assert wanted.secrets == {"api_key_comfy_org": "secret"}


def test_what_nobody_knows_is_overlooked() -> None:
    assert job_body(body(priority=3, metadata=None, extra_data=None)).labels == {}


def test_a_workflow_as_the_page_saves_it_is_refused_by_its_own_name() -> None:
    saved = {"nodes": [], "links": [], "last_node_id": 3}
    assert refusal(json.dumps({"workflow": saved}).encode()) == (422, "workflow_format_ui")


@pytest.mark.parametrize("workflow", [None, {}, [], "x", 3])
def test_what_is_no_graph_is_an_invalid_workflow(workflow: Any) -> None:
    assert refusal(json.dumps({"workflow": workflow}).encode()) == (422, "invalid_workflow")


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"\xff\xfe", b'"x"'])
def test_a_body_that_is_no_object_is_refused(raw: bytes) -> None:
    assert refusal(raw) == (400, "invalid_request")


@pytest.mark.parametrize("reserved", [{"webhook_url": "https://x.example"}, {"inputs": {"a": 1}}])
def test_reserved_fields_are_refused(reserved: dict[str, Any]) -> None:
    assert refusal(body(**reserved)) == (422, "invalid_request")


@pytest.mark.parametrize("extra", [{"other": 1}, {"api_key_comfy_org": 3}, [], "x"])
def test_extra_data_is_closed(extra: Any) -> None:
    assert refusal(body(extra_data=extra)) == (422, "invalid_request")


@pytest.mark.parametrize(
    "labels",
    [
        {f"k{n}": "v" for n in range(17)},
        {"": "v"},
        {"k" * 41: "v"},
        {"white space": "v"},
        {"k": "ä" * 129},
        {"k": "line\nbreak"},
        {"k": 3},
        "one string",
    ],
)
def test_labels_beyond_the_limits_are_refused(labels: Any) -> None:
    assert refusal(body(metadata=labels)) == (422, "metadata_invalid")


def test_labels_at_the_limits_are_taken() -> None:
    labels = {f"A-z_.{n}".ljust(40, "x"): "ä" * 128 for n in range(16)}
    assert job_body(body(metadata=labels)).labels == labels


@pytest.mark.parametrize("key", ["", "k" * 256, "line\nbreak", "ümlaut"])
def test_a_key_that_no_header_carries_is_refused(key: str) -> None:
    with pytest.raises(Refusal):
        checked_key(key)


def test_no_key_is_fine() -> None:
    assert checked_key(None) is None
    assert checked_key("k" * 255) == "k" * 255

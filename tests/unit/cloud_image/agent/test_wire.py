"""What the agent says is what the service reads, and the other way round: both hold to docs/agent.schema.json."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_image.agent import orders, wire
from cloud_image.agent.orders import read_order
from tests.unit.agent.samples import json_values
from tests.unit.agent.samples import orders as service_orders
from wake_service.agent import text as service_text
from wake_service.agent import wire as service_wire

SCHEMA = json.loads((Path(__file__).parents[4] / "docs/agent.schema.json").read_text(encoding="utf-8"))

words = st.text(max_size=30)
moments = st.floats(0, 4e9)
counts = st.integers(0, 2**53)


def tuples(of: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(of, max_size=4).map(tuple)


reports = st.builds(
    wire.Report,
    agent=st.builds(wire.Agent, version=words),
    machine=words,
    boot=words,
    at=moments,
    stage=st.sampled_from(wire.Stage),
    engine=st.builds(wire.Engine, state=st.sampled_from(wire.EngineState), sentence=words),
    queue=st.builds(wire.Queue, running=counts, pending=counts),
    gpus=tuples(
        st.builds(
            wire.Gpu,
            name=words,
            busy_percent=st.floats(0, 100),
            window_seconds=st.floats(0, 60),
            vram_used=counts,
            vram_total=counts,
            lost=st.booleans(),
        )
    ),
    models=st.builds(wire.Models, loaded=tuples(words), hot=tuples(words)),
    disk=st.none() | st.builds(wire.Disk, free=counts, total=counts),
    draining=st.booleans(),
    hold_until=st.none() | moments,
    notice=st.none() | st.builds(wire.Notice, kind=st.sampled_from(["interruption", "rebalance"]), at=moments),
    kept=tuples(st.builds(wire.Kept, prompt_id=words, files=counts, size=counts, finished_at=moments)),
    sleeps_at=st.none() | moments,
    awake_because=tuples(words),
    happened=tuples(st.builds(wire.Happening, number=st.integers(1, 2**53), at=moments, sentence=words)),
    type=st.just("report"),
    wire=st.just(wire.WIRE),
)
replies = st.builds(wire.Reply, order=words, done=st.booleans(), sentence=words, type=st.just("reply"), wire=st.just(wire.WIRE))
results = st.builds(
    wire.KeptResult,
    prompt_id=words,
    finished_at=moments,
    files=tuples(
        st.builds(
            wire.KeptFile, name=words, media_type=words, size=counts, sha256=st.text("0123456789abcdef", min_size=64, max_size=64)
        )
    ),
)


def check(message: str, definition: str) -> None:
    """Raises when the message is not as the schema says."""
    schema = {"$ref": f"#/$defs/{definition}", "$defs": SCHEMA["$defs"]}
    jsonschema.Draft202012Validator(schema).validate(json.loads(message))


@given(reports)
def test_every_report_is_as_the_schema_says_and_reads_the_same_in_the_service(report: wire.Report) -> None:
    said = wire.text(report)
    check(said, "Report")
    read = service_text.read_message(said)
    assert isinstance(read, service_wire.Report)
    assert read.model_dump(mode="json") == json.loads(json.dumps(asdict(report)))


@given(replies)
def test_every_reply_is_as_the_schema_says_and_reads_the_same_in_the_service(reply: wire.Reply) -> None:
    said = wire.text(reply)
    check(said, "Reply")
    read = service_text.read_message(said)
    assert isinstance(read, service_wire.Reply) and read.model_dump() == asdict(reply)


@given(results)
def test_every_kept_result_is_as_the_schema_says_and_reads_the_same_in_the_service(result: wire.KeptResult) -> None:
    said = wire.text(result)
    check(said, "KeptResult")
    assert service_wire.KeptResult.model_validate_json(said).model_dump(mode="json") == json.loads(json.dumps(asdict(result)))


@given(service_orders)
def test_every_order_of_the_service_is_read_as_it_was_meant(order: service_wire.Order) -> None:
    read = read_order(service_text.write(order))
    meant = order.model_dump(exclude={"wire", "type"})
    assert type(read).__name__ == type(order).__name__ and asdict(read) == meant  # type: ignore[arg-type]


@given(json_values)
def test_no_json_breaks_the_reader_and_each_refusal_is_a_sentence(value: Any) -> None:
    read = read_order(json.dumps(value))
    if isinstance(read, wire.Reply):
        assert not read.done and read.sentence.endswith(".")
        check(wire.text(read), "Reply")


def test_both_sides_speak_the_same_version_and_know_the_same_orders() -> None:
    assert (wire.WIRE, wire.WIRE_HEADER, wire.ORDERS) == (service_wire.WIRE, service_wire.WIRE_HEADER, service_wire.ORDERS)
    assert wire.HEARTBEAT_SECONDS == service_wire.HEARTBEAT_SECONDS


@pytest.mark.parametrize("theirs", [0, 2, 9, None, "1", 10**60])
def test_both_sides_say_the_same_of_versions_that_differ(theirs: Any) -> None:
    assert wire.version_mismatch(agent=1, service=theirs) == service_text.version_mismatch(agent=1, service=theirs)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"type": "drain", "id": ""}, "no id"),
        ({"type": "drain", "id": 7}, "id: must be a text"),
        ({"type": "drain", "id": "x" * 101}, "id: must be a text"),
        ({"type": "drain", "id": "x", "wire": True}, "version unknown"),
        ({"type": "stop", "id": "x", "force": 1}, "force: must be true or false"),
        ({"type": "stop", "id": "x", "force": None}, "force: must be true or false"),
        ({"type": "hold", "id": "x"}, "until: is missing"),
        ({"type": "hold", "id": "x", "until": "tomorrow"}, "until: must be a moment"),
        ({"type": "hold", "id": "x", "until": True}, "until: must be a moment"),
        ({"type": "hold", "id": "x", "until": -1}, "until: must be a moment"),
        ({"type": "hold", "id": "x", "until": 1e300}, "until: must be a moment"),
        ({"type": "hold", "id": "x", "until": float("nan")}, "an order is a JSON object"),
        ({"type": "prefetch", "id": "x", "models": "a"}, "models: must be a list of texts"),
        ({"type": "prefetch", "id": "x", "models": [1]}, "models: must be a list of texts"),
        ({"type": "prefetch", "id": "x", "models": ["a"] * 101}, "models: must have at most 100"),
        ({"type": "acknowledge", "id": "x", "results": ["a"] * 1001}, "results: must have at most 1000"),
        ({"type": ["drain"], "id": "x"}, "does not know the order"),
    ],
)
def test_an_order_with_a_flaw_is_refused_with_the_flaw_named(fields: dict[str, Any], said: str) -> None:
    read = read_order(json.dumps({"wire": 1} | fields))
    assert isinstance(read, wire.Reply) and not read.done and said in read.sentence


def test_a_stop_is_not_forced_unless_it_says_so() -> None:
    assert read_order('{"type": "stop", "wire": 1, "id": "a"}') == orders.Stop("a", False)


def test_half_a_character_in_a_name_does_not_break_the_message() -> None:
    said = wire.text(wire.Reply("\ud83d", False))
    assert service_text.read_message(said).order == "?"  # type: ignore[union-attr]

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.agent import samples
from wake_service.agent.text import WireError, read_message, read_order, version_mismatch, write
from wake_service.agent.wire import ORDERS, WIRE, Message, Order, Reply, Report

#: A busy computer may stall any example.
unhurried = settings(deadline=None)


def changed(message: Message, **fields: Any) -> str:
    return json.dumps(json.loads(write(message)) | fields)


@unhurried
@given(samples.reports | samples.replies)
def test_what_a_machine_writes_is_what_a_service_reads(message: Report | Reply) -> None:
    assert read_message(write(message)) == message
    assert "\n" not in write(message)


@unhurried
@given(samples.orders)
def test_what_a_service_writes_is_what_a_machine_reads(order: Order) -> None:
    assert read_order(write(order)) == order


@unhurried
@given(samples.reports | samples.replies, samples.json_values)
def test_a_service_skips_fields_of_a_later_agent(message: Report | Reply, value: Any) -> None:
    assert read_message(changed(message, invented_later=value)) == message


@unhurried
@given(samples.orders, samples.json_values)
def test_a_machine_skips_fields_of_a_later_service(order: Order, value: Any) -> None:
    assert read_order(changed(order, invented_later=value)) == order


@unhurried
@given(samples.reports)
def test_a_service_skips_fields_inside_a_part_of_a_report(report: Report) -> None:
    engine = json.loads(write(report))["engine"] | {"temperature": 3}
    assert read_message(changed(report, engine=engine)) == report


@unhurried
@given(samples.reports, st.text(max_size=20).filter(lambda kind: kind not in ("report", "reply")))
def test_a_kind_of_message_that_is_not_known_yet_is_skipped(report: Report, kind: str) -> None:
    assert read_message(changed(report, type=kind)) is None


@unhurried
@given(samples.orders, samples.json_values.filter(lambda kind: kind not in ORDERS))
def test_an_order_that_is_not_known_is_refused_under_its_id(order: Order, kind: Any) -> None:
    reply = read_order(changed(order, type=kind))
    assert isinstance(reply, Reply) and not reply.done and reply.order == order.id
    assert "does not know the order" in reply.sentence and len(reply.sentence) < 200


@unhurried
@given(samples.orders, samples.json_values.filter(lambda version: version != WIRE))
def test_an_order_of_another_version_is_refused_under_its_id(order: Order, version: Any) -> None:
    reply = read_order(changed(order, wire=version))
    assert isinstance(reply, Reply) and not reply.done and reply.order == order.id
    assert f"speaks version {WIRE}" in reply.sentence and len(reply.sentence) < 300


@unhurried
@given(samples.reports | samples.replies, samples.json_values.filter(lambda version: version != WIRE))
def test_a_report_of_another_version_is_a_sentence(message: Report | Reply, version: Any) -> None:
    with pytest.raises(WireError, match="cannot work together"):
        read_message(changed(message, wire=version))


def test_whoever_is_older_is_named() -> None:
    assert version_mismatch(agent=1, service=2).endswith("Build a new machine image.")
    assert version_mismatch(agent=2, service=1).endswith("Update the wake service.")


@unhurried
@given(samples.json_values | st.dictionaries(st.sampled_from(("type", "wire", "id", "models", "until")), samples.json_values))
def test_no_json_makes_the_machine_stumble(value: Any) -> None:
    reply = read_order(json.dumps(value))
    assert isinstance(reply, Reply) and not reply.done and reply.sentence


@unhurried
@given(st.text() | st.just("[" * 100_000) | st.just('{"a":' * 100_000))
def test_no_text_makes_the_machine_stumble(text: str) -> None:
    reply = read_order(text)
    assert isinstance(reply, Reply) and not reply.done and reply.sentence


@unhurried
@given(st.text() | samples.json_values.map(json.dumps) | st.just("[" * 100_000))
def test_no_text_makes_the_service_stumble(text: str) -> None:
    with pytest.raises(WireError):
        read_message(text)


@unhurried
@given(samples.reports, st.sampled_from(("queue", "engine", "stage", "boot", "at", "gpus")), samples.json_values)
def test_a_report_with_a_flaw_is_a_sentence_that_names_it(report: Report, field: str, value: Any) -> None:
    try:
        read_message(changed(report, **{field: value}))
    except WireError as flaw:
        assert field in str(flaw)


@pytest.mark.parametrize(
    ("field", "value"),
    [("at", float("nan")), ("at", -1), ("queue", {"running": -1}), ("stage", "dreaming"), ("hold_until", float("inf"))],
)
def test_numbers_that_mean_nothing_are_refused(field: str, value: Any) -> None:
    report = Report.model_validate(
        {"agent": {"version": "1", "capabilities": []}, "machine": "m", "boot": "b", "at": 1, "stage": "engine"}
        | {"engine": {"state": "ready"}}
    )
    assert read_message(write(report)) == report
    with pytest.raises(WireError, match=field):
        read_message(changed(report, **{field: value}))

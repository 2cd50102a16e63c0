"""docs/agent.md and docs/agent.schema.json say what the code says."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from wake_service.agent.text import read_message, read_order, schema
from wake_service.agent.wire import HEARTBEAT_SECONDS, ORDERS, SILENCE_SECONDS, WIRE, WIRE_HEADER, KeptResult, Reply

DOCS = Path(__file__).parents[3] / "docs"
PAGE = (DOCS / "agent.md").read_text(encoding="utf-8")
DEFINITIONS: dict[str, Any] = schema()["$defs"]
MESSAGES = [reference["$ref"].rpartition("/")[2] for reference in schema()["oneOf"]]


def section(name: str) -> str:
    found = re.search(rf"^### {name}\n(.*?)(?=^##|\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found, f"docs/agent.md has no section {name}"
    return found[1]


def examples(text: str) -> list[str]:
    return re.findall(r"^```json\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def reachable(name: str) -> set[str]:
    """All definitions that one uses."""
    seen, todo = set(), {name}
    while todo:
        seen |= todo
        todo = {ref for each in todo for ref in re.findall(r'"#/\$defs/(\w+)"', json.dumps(DEFINITIONS[each]))} - seen
    return seen


def test_the_written_schema_is_the_one_in_the_code() -> None:
    assert json.loads((DOCS / "agent.schema.json").read_text(encoding="utf-8")) == schema()


@pytest.mark.parametrize("name", [*MESSAGES, "KeptResult"])
def test_the_page_names_every_field_and_every_value(name: str) -> None:
    named = set(re.findall(r"`\"?(\w+)\"?`", section(name)))
    always_there = {"type", "wire", "id"} if name not in ("Report", "Reply") else set()
    for definition in (DEFINITIONS[each] for each in reachable(name)):
        wanted = set(definition.get("properties", ())) | set(definition.get("enum", ()))
        assert wanted - always_there <= named


@pytest.mark.parametrize("name", ["Report", "Reply"])
def test_the_page_has_no_field_that_the_code_has_not(name: str) -> None:
    first = re.findall(r"^\| (`.*?) \|", section(name), re.MULTILINE)
    assert set(re.findall(r"`(\w+)`", " ".join(first))) == set(DEFINITIONS[name]["properties"])


@pytest.mark.parametrize("name", [*MESSAGES, "KeptResult"])
def test_every_example_is_read_as_what_it_stands_under(name: str) -> None:
    found = examples(section(name))
    assert found
    for text in found:
        if name == "KeptResult":
            message: Any = KeptResult.model_validate_json(text)
        else:
            message = read_message(text) if name in ("Report", "Reply") else read_order(text)
        assert type(message).__name__ == name
        assert set(json.loads(text)) <= set(DEFINITIONS[name]["properties"])


def test_the_first_example_of_each_leaves_nothing_out() -> None:
    for name in [*MESSAGES, "KeptResult"]:
        assert set(json.loads(examples(section(name))[0])) == set(DEFINITIONS[name]["properties"])


def test_the_page_has_the_numbers_of_the_code() -> None:
    assert f"This is version {WIRE}." in PAGE
    assert f"at least one every {HEARTBEAT_SECONDS:g} s" in PAGE and f"no report for {SILENCE_SECONDS:g} s" in PAGE
    assert f"`{WIRE_HEADER}: {WIRE}`" in PAGE


def test_the_schema_asks_for_what_a_reader_needs() -> None:
    for name in MESSAGES:
        assert {"type", "wire"} <= set(DEFINITIONS[name]["required"])
    orders = [DEFINITIONS[name] for name in MESSAGES if name not in ("Report", Reply.__name__)]
    assert tuple(order["properties"]["type"]["const"] for order in orders) == ORDERS
    assert all("id" in order["required"] for order in orders)

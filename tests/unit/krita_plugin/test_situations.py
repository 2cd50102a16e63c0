"""Whatever keeps her from painting is a sentence, with what to do, and the button that does it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from wakebrush.client import errors
from wakebrush.client.errors import (
    Incompatible,
    Insecure,
    NotFound,
    ProxyRefused,
    Refused,
    ServiceError,
    Unreachable,
    Untrusted,
    from_answer,
)
from wakebrush.ui import panel

STUDIO = "https://studio.example"
NO_BUDGET = {"code": "budget_exhausted", "title": "The team's budget for November ($200) is used up.", "hint": "Ask your admin."}


@pytest.mark.parametrize(
    ("situation", "action"),
    [
        (NotFound(), "connect"),
        (Refused(), "connect"),
        (from_answer(401, None), "connect"),
        (Unreachable(STUDIO), ""),
        (Untrusted(STUDIO), "settings"),
        (ProxyRefused("http://proxy:3128"), "settings"),
        (ProxyRefused("http://proxy:3128", "Tunnel connection failed: 407"), "settings"),
        (Insecure("http://studio.example"), "settings"),
        (Incompatible.plugin_too_old("9.0"), "update"),
        (Incompatible.service_too_old("0.0"), ""),
        (from_answer(426, {"code": "client_too_old"}, "9.0"), "update"),
        (from_answer(402, NO_BUDGET), ""),
        (from_answer(502, None), ""),
    ],
    ids=lambda value: value.code if isinstance(value, ServiceError) else value,
)
def test_each_says_what_happened_what_to_do_and_has_its_button(situation: ServiceError, action: str) -> None:
    assert situation.title.endswith(".") and situation.hint.endswith(".") and situation.code
    assert situation.action == action


def test_every_button_that_an_error_names_does_something() -> None:
    source = ast.parse(Path(errors.__file__).read_text(encoding="utf-8"))
    named = {
        node.value.value
        for node in ast.walk(source)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and ast.unparse(node.targets[0]) == "action"
    }
    deeds = Path(panel.__file__).read_text(encoding="utf-8")
    assert named - {""} and all(f'"{action}": ' in deeds for action in named - {""})

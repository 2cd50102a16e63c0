"""The report for whoever helps: it says what is needed, and never a token, a code, a password or a prompt."""

from __future__ import annotations

import ast
import logging
from pathlib import Path
from urllib.parse import quote

from hypothesis import given
from hypothesis import strategies as st

from wakebrush.client.central import Central
from wakebrush.client.errors import Problem, Refused, ServiceError, Unreachable
from wakebrush.client.profiles import Profile
from wakebrush.client.store import MemoryStore
from wakebrush.client.timings import Timings
from wakebrush.diagnostics import Facts, LogTail, kind_of, redacted, report
from wakebrush.session.connecting import Connecting
from wakebrush.session.link import Link

PLUGIN = Path(__file__).resolve().parents[3] / "krita_plugin" / "wakebrush"

#: What a secret looks like, and what may be in it.
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_%@:/ é"
secrets = st.text(LETTERS, min_size=10, max_size=60).map(str.strip).filter(lambda text: len(text) >= 10)
codes = st.text("ABCDEFGHJKMNPQRSTUVWXYZ23456789", min_size=8, max_size=8).map(lambda code: f"{code[:4]}-{code[4:]}")


def logged(*records: tuple[str, tuple[object, ...], Exception | None]) -> LogTail:
    tail = LogTail()
    for words, filled_in, error in records:
        info = (type(error), error, error.__traceback__) if error is not None else None
        tail.handle(logging.LogRecord("wakebrush", logging.WARNING, __file__, 1, words, filled_in, info))
    return tail


def raised(error: Exception) -> Exception:
    """The error with a place that it came from."""
    try:
        raise error
    except type(error) as caught:
        return caught


@given(token=secrets, password=secrets, code=codes, prompt=secrets)
def test_no_secret_is_ever_in_a_report(token: str, password: str, code: str, prompt: str) -> None:
    proxy = f"http://mira:{quote(password, safe='')}@proxy.example:3128"
    endpoint = "https://studio.example"
    errors = [
        Unreachable(endpoint, f"cannot go through {proxy} to /v1?{quote(token, safe='')} with Bearer {token}"),
        Refused(token),
        Problem(422, "invalid_request", f"“{prompt}” is not allowed", prompt, prompt),
        ValueError(prompt),
    ]
    tail = logged(*(("work in the background failed: %s", (prompt, token), raised(error)) for error in errors))
    timings = Timings()
    timings.note("GET", "/v1/jobs/3f9a3f9a-0000-0000-0000-000000000000/results/0", 200, 0.05)
    states = [kind_of(raised(error)) for error in errors]
    services = [f"{endpoint}/invite#{code}: in use, proxy {proxy}", f"https://{token}@studio.example", f"code {code}"]
    facts = Facts({"plugin": "0.1.0"}, services, states, tuple(timings.last), tuple(tail.lines))
    said = report(facts, [token, password, proxy])
    for secret in (token, quote(token, safe=""), password, quote(password, safe=""), code, prompt):
        assert secret not in said
    assert "studio.example" in said and "GET /v1/jobs/…/results/0: 200, 50 ms" in said
    assert "Unreachable (unreachable)" in said and "ValueError at test_diagnostics.py:" in said


def test_what_looks_like_a_secret_goes_even_if_nobody_knows_it() -> None:
    text = "wb_abc-DEF_123 Authorization: Bearer xyz http://a:b@proxy:1 /invite#abcdefgh K7QM-2XPD"
    assert redacted(text, []) == "wb_… Authorization: Bearer … http://…@proxy:1 /invite#… …"


def test_words_are_not_torn_by_short_secrets() -> None:
    assert redacted("a connection", ["a", "con", ""]) == "a connection"


def test_only_what_stands_in_the_source_is_taken_from_a_log_line() -> None:
    tail = logged(("could not read %s", ("a lighthouse",), None))
    (line,) = tail.lines
    assert line.endswith("warning could not read %s")
    assert logged((ValueError("a lighthouse"), (), None)).lines[0].endswith("warning ValueError")  # type: ignore[arg-type]


def test_an_error_of_ours_is_told_by_its_code_and_one_without_a_place_too() -> None:
    assert kind_of(ServiceError("x", code="odd")) == "ServiceError (odd)"
    assert kind_of(ServiceError("x")) == "ServiceError"


def test_everything_that_the_plugin_logs_has_its_words_in_the_source() -> None:
    """Else what was filled in would be in the report."""
    loose = []
    for path in PLUGIN.rglob("*.py"):
        if "_vendor" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and isinstance(node.func.value, ast.Name)
                and node.func.value.id in ("_log", "log", "logging")
                and node.func.attr in ("debug", "info", "warning", "error", "exception", "critical")
                and not isinstance(node.args[0], ast.Constant)
            ):
                loose.append(f"{path.name}:{node.lineno}")
    assert not loose


def test_a_session_reports_its_services_without_their_tokens(qapp: object, tmp_path: Path) -> None:
    central = Central(endpoint="https://studio.example", invitation="studio.example/invite#K7QM-2XPD", path="/etc/wakebrush.json")
    environ = {"WAKEBRUSH_DATA": str(tmp_path)}
    connecting = Connecting(MemoryStore(), environ, central=central, host="Krita 5.2.9")
    connecting.bind(Link(connecting.resolve))
    connecting.add(Profile("", "Home", "https://home.example", "home-token", "http://mira:hunter22@proxy.example:3128"))
    connecting.online()
    connecting.offline(Unreachable("https://home.example", "hunter22 was wrong"))
    said = connecting.report()
    assert "host: Krita 5.2.9" in said and "plugin: 0.1.0 (API 1)" in said and "studio's settings: /etc/wakebrush.json" in said
    assert "https://home.example: settings, in use, has a token, proxy http://proxy.example:3128, authority of the system" in said
    assert "https://studio.example: central, not in use, has no token" in said and "this computer: discovery" in said
    assert " connected\n" in said
    for secret in ("home-token", "hunter22", "K7QM", "mira"):
        assert secret not in said

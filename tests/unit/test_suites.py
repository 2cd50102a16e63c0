"""`.ci/suites.py`: what counts as success."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

SUITES = Path(__file__).resolve().parents[2] / ".ci" / "suites.py"


@pytest.fixture(scope="module")
def suites() -> ModuleType:
    spec = importlib.util.spec_from_file_location("suites", SUITES)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["suites"] = module
    spec.loader.exec_module(module)
    return module


def report(path: Path, *cases: str) -> Path:
    path.write_text("<testsuites><testsuite>" + "".join(cases) + "</testsuite></testsuites>", encoding="utf-8")
    return path


PASSED = '<testcase classname="a" name="b"/>'
SKIPPED = '<testcase classname="a" name="c"><skipped/></testcase>'
FAILED = '<testcase classname="a" name="d"><failure message="short">the whole story</failure></testcase>'


def test_a_report_is_counted_and_failures_keep_their_story(suites: ModuleType, tmp_path: Path) -> None:
    outcome = suites.read_report("x", report(tmp_path / "x.xml", PASSED, PASSED, SKIPPED, FAILED))
    assert (outcome.passed, outcome.skipped, outcome.trouble) == (2, 1, [("a::d", "the whole story")])


def test_a_report_that_broke_off_counts_nothing(suites: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "x.xml").write_text("<testsuites><testsu", encoding="utf-8")
    assert suites.read_report("x", tmp_path / "x.xml") == suites.Outcome("x")


@pytest.mark.parametrize(
    ("outcome", "strict", "code", "last"),
    [
        ({"passed": 3}, True, 0, "3 passed, 0 failed"),
        ({"passed": 3, "skipped": 1}, False, 0, "3 passed, 0 failed, 1 skipped"),
        ({"passed": 3, "skipped": 1}, True, 1, "3 passed, 0 failed, 1 skipped"),
        ({"passed": 3, "trouble": [("a", "b")]}, False, 1, "3 passed, 1 failed"),
    ],
)
def test_the_last_line_and_the_exit_code(
    suites: ModuleType, capsys: pytest.CaptureFixture[str], outcome: dict[str, object], strict: bool, code: int, last: str
) -> None:
    assert suites.verdict([suites.Outcome("x", **outcome)], 61.0, strict=strict) == code
    assert capsys.readouterr().out.splitlines()[-1] == last


def test_a_suite_without_tests_is_a_failure(suites: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ROOT", "JUNIT", "LOGS"):
        monkeypatch.setattr(suites, name, tmp_path)
    (tmp_path / "tests" / "empty").mkdir(parents=True)
    outcome = suites.pytest("empty", None)
    assert outcome.passed == 0
    assert outcome.trouble and "ran no test" in outcome.trouble[0][1]


def test_a_suite_that_never_ends_is_ended(suites: ModuleType, tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert suites.run([sys.executable, "-c", "import time; time.sleep(600)"], log, seconds=0.5) is None
    assert not suites.RUNNING


@pytest.mark.parametrize(("covered", "said"), [((76, 91), []), ((74, 91), ["ui"]), ((76, 89), ["all but ui"])])
def test_a_plugin_that_is_tested_less_than_agreed_fails(suites: ModuleType, covered: tuple[int, int], said: list[str]) -> None:
    names = ("krita_plugin/wakebrush/ui/panel.py", "krita_plugin/wakebrush/journal.py")
    files = {
        name: {"summary": {"covered_branches": part, "num_branches": 100}} for name, part in zip(names, covered, strict=True)
    }
    files["krita_plugin/wakebrush/_vendor/requests/api.py"] = {"summary": {"covered_branches": 0, "num_branches": 1000}}
    assert [name.rpartition(", ")[2] for name, _ in suites.too_low(files)] == said

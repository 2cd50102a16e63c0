"""Runs linters and test suites side by side and says in one line how it went.

    python .ci/suites.py [--keyword EXPRESSION] SUITE...        SUITE: lint, plugin, or a folder of tests/

Writes build/junit/SUITE.xml and build/logs/SUITE.log. Fails when anything failed or collected nothing and,
with CI=true, when anything was skipped. The last line is `N passed, N failed`, for programs that read it.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

ROOT = Path(__file__).resolve().parent.parent
JUNIT = ROOT / "build" / "junit"
LOGS = ROOT / "build" / "logs"
SUITE_SECONDS = 3000
SHOWN_LINES = 40

LINTERS = {
    "ruff check": ["ruff", "check", "."],
    "ruff format": ["ruff", "format", "--check", "."],
    "mypy": ["mypy"],
}
#: Krita and the browser mostly wait for their own screens, and machines that boot from the image wait until they have idled for
#: long enough, so they have a lane of their own; everything else would disturb each other's timing.
LANES = (("lint", "unit", "plugin", "service", "contract", "faults", "aws"), ("krita", "browser", "image"))

#: Two Kritas at a time run side by side, and so do the worlds of the contracts; faults mostly wait for what they broke; machines
#: in AWS live by clocks that tests move.
OPTIONS = {
    "krita": ["-n", "2"],
    "faults": ["-n", "2"],
    "aws": ["-n", "2"],
    "image": ["-n", "3"],
    "contract": ["-n", "2", "--dist", "loadgroup"],
}

#: Suites that are no folder of their own: the plugin's unit tests once more, in the other of Krita's two Qt bindings.
FOLDERS = {"plugin": "unit/krita_plugin"}
ENVIRONMENTS = {"plugin": {"PYTEST_QT_API": "pyqt6"}}
COVERAGE = ROOT / "build" / "coverage.json"
OPTIONS["plugin"] = ["--cov=krita_plugin/wakebrush", "--cov-branch", f"--cov-report=json:{COVERAGE}"]
#: Of a hundred ways through the plugin's code so many are to be gone by its tests: in what is shown, and in all else.
FLOORS = {"ui": 75.0, "all but ui": 90.0}

#: What was started and has not been ended, for the person who presses Ctrl+C.
RUNNING: set[subprocess.Popen[bytes]] = set()


@dataclass
class Outcome:
    """How one suite went. `trouble` holds one entry per failure: its name, then what was said."""

    suite: str
    passed: int = 0
    skipped: int = 0
    seconds: float = 0.0
    trouble: list[tuple[str, str]] = field(default_factory=list)


def run(command: list[str], log: Path, extra: dict[str, str] | None = None, *, seconds: float = SUITE_SECONDS) -> int | None:
    """The exit code, or None when time was up. Output goes to `log`; no process of it outlives the call."""
    environment = os.environ | {"QT_QPA_PLATFORM": "offscreen", "PYTHONUNBUFFERED": "1"} | (extra or {})
    with log.open("ab") as output:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
        try:
            RUNNING.add(process)
            return process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            return None
        finally:
            end_group(process)
            RUNNING.discard(process)


def end_group(process: subprocess.Popen[bytes]) -> None:
    """Ends what a suite left behind."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    process.wait()


def stop_everything() -> NoReturn:
    """Leaves at once, taking what runs along."""
    for process in list(RUNNING):
        end_group(process)
    os._exit(130)


def lint() -> Outcome:
    """Every linter over the whole checkout."""
    outcome = Outcome("lint")
    for name, arguments in LINTERS.items():
        log = LOGS / f"lint-{name.replace(' ', '-')}.log"
        log.unlink(missing_ok=True)
        code = run([sys.executable, "-m", *arguments], log)
        if code == 0:
            outcome.passed += 1
        else:
            outcome.trouble.append((name, log.read_text(encoding="utf-8", errors="replace")))
    return outcome


def pytest(suite: str, keyword: str | None) -> Outcome:
    """One folder of tests."""
    log, report = LOGS / f"{suite}.log", JUNIT / f"{suite}.xml"
    log.unlink(missing_ok=True)
    report.unlink(missing_ok=True)
    folder = FOLDERS.get(suite, suite)
    command = [sys.executable, "-m", "pytest", f"tests/{folder}", f"--junitxml={report}", "-q", "--durations=10"]
    command += OPTIONS.get(suite, [])
    code = run(command + (["-k", keyword] if keyword else []), log, ENVIRONMENTS.get(suite))
    outcome = read_report(suite, report)
    if code is None:
        outcome.trouble.append((suite, f"was not done after {SUITE_SECONDS} s and was ended. {last_lines(log)}"))
    elif not outcome.passed and not outcome.trouble and not outcome.skipped:
        outcome.trouble.append((suite, f"ran no test. {last_lines(log)}"))
    elif code != 0 and not outcome.trouble:
        outcome.trouble.append((suite, f"ended with {code} though no test failed. {last_lines(log)}"))
    elif suite == "plugin" and not keyword:
        outcome.trouble += too_low(json.loads(COVERAGE.read_text(encoding="utf-8"))["files"])
    return outcome


def too_low(files: dict[str, Any]) -> list[tuple[str, str]]:
    """Which floors of branch coverage are not reached, from the files of coverage.py's JSON report."""
    trouble = []
    for part, floor in FLOORS.items():
        sums = [each["summary"] for name, each in files.items() if ("/ui/" in name) == (part == "ui") and "_vendor" not in name]
        reached = 100.0 * sum(each["covered_branches"] for each in sums) / max(1, sum(each["num_branches"] for each in sums))
        if reached < floor:
            trouble.append(
                (
                    f"branch coverage of the plugin, {part}",
                    f"{reached:.1f} % of branches are tested; at least {floor} % are to be.",
                )
            )
    return trouble


def read_report(suite: str, report: Path) -> Outcome:
    """What pytest wrote as JUnit XML; nothing when there is no whole report."""
    outcome = Outcome(suite)
    try:
        cases = ElementTree.parse(report).getroot().iter("testcase")
    except (FileNotFoundError, ElementTree.ParseError):
        return outcome
    for case in cases:
        problems = [part for part in case if part.tag in ("failure", "error")]
        if problems:
            name = f"{case.get('classname')}::{case.get('name')}"
            outcome.trouble.append((name, problems[0].text or problems[0].get("message") or ""))
        elif case.find("skipped") is not None:
            outcome.skipped += 1
        else:
            outcome.passed += 1
    return outcome


def last_lines(log: Path) -> str:
    """The end of a log, under its name."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-SHOWN_LINES:]
    return "\n".join([f"The end of {log.relative_to(ROOT)}:", *lines])


def run_lane(suites: list[str], keyword: str | None) -> list[Outcome]:
    """One after the other, each said as soon as it is known."""
    outcomes = []
    for suite in suites:
        began = time.monotonic()
        outcome = lint() if suite == "lint" else pytest(suite, keyword)
        outcome.seconds = time.monotonic() - began
        skipped = f", {outcome.skipped} skipped" if outcome.skipped else ""
        print(
            f"{suite:<10} {outcome.passed:>5} passed, {len(outcome.trouble)} failed{skipped}  ({outcome.seconds:.0f} s)",
            flush=True,
        )
        outcomes.append(outcome)
    return outcomes


def lanes(suites: list[str]) -> list[list[str]]:
    """The wanted suites by lane; a suite that no lane names goes into the first."""
    named = {suite for lane in LANES for suite in lane}
    wanted = [[suite for suite in lane if suite in suites] for lane in LANES]
    wanted[0] += [suite for suite in suites if suite not in named]
    return [lane for lane in wanted if lane]


def show_trouble(outcomes: list[Outcome]) -> None:
    """Every failure with the end of what was said about it."""
    for outcome in outcomes:
        for name, story in outcome.trouble:
            print(f"\n--- {name}")
            print("\n".join(story.rstrip().splitlines()[-SHOWN_LINES:]))


def verdict(outcomes: list[Outcome], seconds: float, *, strict: bool) -> int:
    """Says the last lines and gives the exit code."""
    passed = sum(outcome.passed for outcome in outcomes)
    failed = sum(len(outcome.trouble) for outcome in outcomes)
    skipped = sum(outcome.skipped for outcome in outcomes)
    bad = [outcome.suite for outcome in outcomes if outcome.trouble or (strict and outcome.skipped)]
    took = f"{int(seconds // 60)} min {int(seconds % 60)} s"
    if bad:
        why = "Something failed" if failed else "Nothing may be skipped here, but something was"
        line = f"{why} in {', '.join(bad)} after {took}; build/logs/ has the whole story."
    else:
        line = f"Everything holds: {', '.join(outcome.suite for outcome in outcomes)} in {took}."
    names = "".join(f"\nfailed: {name}" for outcome in outcomes for name, _ in outcome.trouble)
    # Whoever sees only the end of what CI printed sees the names as well.
    print(f"{names}\n{line}\n{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""), flush=True)
    return 1 if bad else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--keyword", help="only tests that match, as pytest -k")
    parser.add_argument("suite", nargs="+")
    arguments = parser.parse_args()
    JUNIT.mkdir(parents=True, exist_ok=True)
    LOGS.mkdir(parents=True, exist_ok=True)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    began = time.monotonic()
    with ThreadPoolExecutor() as pool:
        running = [pool.submit(run_lane, lane, arguments.keyword) for lane in lanes(arguments.suite)]
        try:
            outcomes = [outcome for lane in running for outcome in lane.result()]
        except KeyboardInterrupt:
            print("Stopped.", file=sys.stderr)
            stop_everything()
    show_trouble(outcomes)
    return verdict(outcomes, time.monotonic() - began, strict=os.environ.get("CI") == "true")


if __name__ == "__main__":
    sys.exit(main())

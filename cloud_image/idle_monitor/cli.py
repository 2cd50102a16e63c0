"""`wakebrush-idle`: stops the machine when nobody needs it."""

from __future__ import annotations

import argparse
import fcntl
import json
import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from .. import settings as machine_settings
from ..errors import MachineError, SettingsError
from ..paths import Paths
from ..settings import Settings
from .build import monitor_of, orders_of
from .clock import Clock, SystemClock
from .explain import as_fields, as_text, explained, verdict_text
from .monitor import Monitor
from .signals.gpu import Gpus, NvmlGpus
from .verdict import Verdict
from .world import SystemWorld, World

_LOG = logging.getLogger("wakebrush-idle")
#: A run leaves so much of the period to the start of the next: seconds, and never more than this part of it.
_SPARE_SECONDS, _SPARE_PART = 3.0, 0.25
_HELP = """
`wakebrush-idle.timer` runs it once a minute. Without systemd's timers, one line for cron does the same:
  * * * * * root /opt/wakebrush/venv/bin/wakebrush-idle run
It powers off the machine it runs on, whatever kind of machine that is.
"""


def main(
    argv: Sequence[str] | None = None,
    *,
    paths: Paths | None = None,
    gpus: Gpus | None = None,
    clock: Clock | None = None,
    world: World | None = None,
) -> int:
    """The command. What is given besides `argv` takes the place of this machine. 0, or 1 with a sentence on stderr."""
    given = _parser().parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    paths = paths or Paths()
    settings = _settings(paths)
    try:
        monitor = monitor_of(
            paths, settings, gpus=gpus or NvmlGpus(), clock=clock or SystemClock(), world=world or SystemWorld(), say=_LOG.info
        )
        return _do(given, monitor, settings)
    except (MachineError, OSError) as error:
        _LOG.error(
            "wakebrush-idle %s cannot go on: %s. Without it the machine stops by its lease or its alarm.", given.command, error
        )
        return 1


def _do(given: argparse.Namespace, monitor: Monitor, settings: Settings) -> int:
    period = settings.idle.period_seconds
    if given.command == "explain":
        _explain(monitor, as_json=given.json)
    elif given.command == "stop":
        orders_of(monitor).obey()
    elif given.command == "run":
        seconds = period - min(_SPARE_SECONDS, _SPARE_PART * period) if given.seconds is None else given.seconds
        with _alone(monitor, period) as alone:
            if alone:
                _log(monitor.period(seconds, dry=given.dry_run))
        if given.dry_run:
            _explain(monitor, as_json=False)
    else:
        with _alone(monitor, period) as alone:
            while alone:
                _log(monitor.period(period, dry=given.dry_run))
    return 0


def _log(found: Verdict) -> None:
    _LOG.info("%s", verdict_text(found))


def _explain(monitor: Monitor, *, as_json: bool) -> None:
    found = explained(monitor)
    sys.stdout.write(json.dumps(as_fields(found), ensure_ascii=False, indent=2) + "\n" if as_json else as_text(found))


def _settings(paths: Paths) -> Settings:
    """The machine's settings. A file that cannot be used must not keep the machine awake for ever."""
    try:
        return machine_settings.load(paths.settings)
    except SettingsError as error:
        _LOG.error("%s The idle monitor goes by its defaults until that is put right.", error)
        return Settings()


@contextmanager
def _alone(monitor: Monitor, patience: float) -> Iterator[bool]:
    """Whether no other run is at work. It waits for one to end: cron begins a new one every minute, whatever the last does."""
    path = monitor.paths.idle / "lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as file:
        until = monitor.clock.boot() + patience
        alone = _lock(file.fileno())
        while not alone and monitor.clock.boot() < until:
            monitor.clock.sleep(0.5)
            alone = _lock(file.fileno())
        if not alone:
            _LOG.info("Another idle monitor is at work here; this one leaves it alone.")
        yield alone


def _lock(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="wakebrush-idle", description=__doc__, epilog=_HELP, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="watch for one period, judge, act: for a timer or cron")
    run.add_argument(
        "--for", dest="seconds", type=float, metavar="SECONDS", help="watch for so long (a little less than a period)"
    )
    loop = commands.add_parser("loop", help="the same for ever")
    for command in (run, loop):
        command.add_argument("--dry-run", action="store_true", help="say what would be done, and do nothing")
    explain = commands.add_parser("explain", help="why the machine is awake, and when it will stop")
    explain.add_argument("--json", action="store_true", help="for programs")
    commands.add_parser("stop", help="obey the service's order to stop (for wakebrush-stop.service)")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())

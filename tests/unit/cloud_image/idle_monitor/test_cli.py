"""The command, on a machine whose /proc is a folder and whose GPU is given."""

from __future__ import annotations

import fcntl
import json
import logging
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloud_image.door import Closer, Door
from cloud_image.idle_monitor.cli import main
from cloud_image.idle_monitor.order import refusal
from cloud_image.idle_monitor.signals.gpu import Gpus
from cloud_image.marks import marked
from cloud_image.paths import Paths
from tests.unit.cloud_image.idle_monitor.machine import HandClock, NotedWorld, Off

SETTINGS = """
cloud = "none"
guard.token_file = "/token"
engine.port = 1
[idle]
seconds = 300
period_seconds = 60
boot_seconds = 120
"""


class GivenGpus(Gpus):
    def __init__(self) -> None:
        self.busy = [0.0, 0.0]

    def percents(self) -> list[float]:
        return self.busy


class Host:
    """A machine's files, clock and GPU, and the command on it."""

    def __init__(self, root: Path) -> None:
        self.paths, self.gpus, self.clock, self.world = Paths(root), GivenGpus(), HandClock(now=5000.0), NotedWorld()
        for folder in ("proc/1", "proc/net", "proc/sys/kernel/random", "etc/wakebrush", "run/wakebrush/door", "dev/pts"):
            (root / folder).mkdir(parents=True)
        (root / "proc/1/cmdline").write_text("/sbin/init\0")
        (root / "proc/1/stat").write_text("1 (systemd) S 0 " + "0 " * 17 + "50 0\n")
        (root / "proc/sys/kernel/random/boot_id").write_text("b1\n")
        (root / "proc/net/unix").write_text("Num RefCount Protocol Flags Type St Inode Path\n")
        (root / "etc/wakebrush/machine.toml").write_text(SETTINGS)

    def call(self, *argv: str) -> int:
        return main(argv, paths=self.paths, gpus=self.gpus, clock=self.clock, world=self.world)


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


@pytest.fixture(autouse=True)
def _log(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    with caplog.at_level(logging.INFO):
        yield


def test_runs_from_cron_stop_an_idle_machine(host: Host) -> None:
    with pytest.raises(Off):
        for _ in range(6):
            assert host.call("run") == 0
            host.clock.sleep(3.0)
    assert 5300 <= host.clock.now <= 5363


@pytest.mark.parametrize(("period", "watched"), [(60, 57.0), (4, 3.0)])
def test_a_run_leaves_a_little_of_the_period_to_the_start_of_the_next(host: Host, period: int, watched: float) -> None:
    host.paths.settings.write_text(SETTINGS.replace("period_seconds = 60", f"period_seconds = {period}"))
    host.call("run")
    assert host.clock.now == 5000 + watched


def test_a_loop_stops_an_idle_machine(host: Host) -> None:
    with pytest.raises(Off):
        host.call("loop")
    assert 5300 <= host.clock.now <= 5363


def test_a_busy_gpu_of_several_keeps_it(host: Host, caplog: pytest.LogCaptureFixture) -> None:
    host.gpus.busy = [0.0, 6.0]
    for _ in range(20):
        host.call("run")
    assert not host.world.stops
    assert "The machine is needed. The busiest of 2 GPUs was 6 % busy." in caplog.text


def test_a_prompt_is_looked_for_in_the_order_in_which_it_moves_on(host: Host, capsys: pytest.CaptureFixture[str]) -> None:
    host.call("explain", "--json")
    names = [row["signal"] for row in json.loads(capsys.readouterr().out)["signals"]]
    order = ["uploads", "prompts", "engine", "gpu", "activity"]
    assert [name for name in names if name in order] == order


def test_a_mark_keeps_it(host: Host) -> None:
    with marked(host.paths.marks, "models"):
        for _ in range(20):
            host.call("run")
    assert not host.world.stops


def test_a_dry_run_prints_the_table_and_stops_nothing(host: Host, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(8):
        assert host.call("run", "--dry-run", "--for", "57") == 0
    assert not host.world.deeds
    assert "SIGNAL" in capsys.readouterr().out


def test_explain_says_what_every_signal_says_and_when_it_stops(host: Host, capsys: pytest.CaptureFixture[str]) -> None:
    host.call("run")
    host.call("run")
    capsys.readouterr()
    before = [path.stat().st_mtime_ns for path in host.paths.idle.iterdir()]
    assert host.call("explain", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert [row["signal"] for row in told["signals"]] == [
        *("uploads", "prompts", "engine", "gpu", "marks", "ssh", "hold", "activity")
    ]
    assert {row["says"] for row in told["signals"]} == {"idle"}
    assert {row["since"] for row in told["signals"]} == {host.clock.epoch + 5000}
    assert told["sleeps_at"] == host.clock.epoch + 5300
    assert told["busy"] is False and told["lease_until"] is None and told["window"] == 300
    assert host.call("explain") == 0
    text = capsys.readouterr().out
    assert "gpu " in text and "Nothing works. It stops at" in text and "in 3 min" in text
    assert [path.stat().st_mtime_ns for path in host.paths.idle.iterdir()] == before


def test_explain_says_why_it_is_awake_and_what_refuses_prompts(host: Host, capsys: pytest.CaptureFixture[str]) -> None:
    host.gpus.busy = [50.0]
    host.call("run")
    Door(host.paths.door).close(Closer.SERVICE)
    host.call("explain")
    text = capsys.readouterr().out
    assert "It is awake because: The GPU was 50 % busy." in text and "closed by: service" in text


def test_explain_works_before_anything_was_watched(host: Host, capsys: pytest.CaptureFixture[str]) -> None:
    assert host.call("explain") == 0
    assert "The idle monitor has not run yet." in capsys.readouterr().out


def test_an_order_to_stop_is_obeyed_or_refused(host: Host) -> None:
    host.paths.stop_order.parent.mkdir()
    host.paths.stop_order.write_text('{"order": "a", "force": false, "at": 1}')
    host.gpus.busy = [50.0]
    assert host.call("stop") == 0
    assert refusal(host.paths).exists() and not host.world.stops
    host.gpus.busy = [0.0]
    host.paths.stop_order.write_text('{"order": "b", "force": false, "at": 1}')
    with pytest.raises(Off):
        host.call("stop")


def test_two_runs_never_watch_at_once(host: Host, caplog: pytest.LogCaptureFixture) -> None:
    host.paths.idle.mkdir()
    with (host.paths.idle / "lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        assert host.call("run") == 0
        assert "Another idle monitor is at work" in caplog.text
        assert not host.paths.verdict.exists()
        assert host.clock.now == 5060.0


def test_a_run_waits_for_the_one_before(host: Host) -> None:
    host.paths.idle.mkdir()
    other = (host.paths.idle / "lock").open("w")
    fcntl.flock(other, fcntl.LOCK_EX)
    host.clock.at = lambda now: other.close() if now > 5010 and not other.closed else None
    assert host.call("run") == 0
    assert host.paths.verdict.exists()


def test_settings_that_cannot_be_used_do_not_keep_it_awake(host: Host, caplog: pytest.LogCaptureFixture) -> None:
    host.paths.settings.write_text("cloud = 'none'\nguard.token_file = '/token'\nidle.seconds = 'soon'\n")
    assert host.call("explain") == 0
    assert "goes by its defaults" in caplog.text


def test_what_it_cannot_do_without_is_said(host: Host, caplog: pytest.LogCaptureFixture) -> None:
    (host.paths.root / "proc/1/stat").unlink()
    assert host.call("run") == 1
    assert "cannot go on" in caplog.text


def test_the_help_has_the_line_for_cron(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    assert "* * * * * root /opt/wakebrush/venv/bin/wakebrush-idle run" in capsys.readouterr().out


def test_on_a_real_machine_it_watches_in_real_time_and_stops(tmp_path: Path) -> None:
    paths, world, gpus = Paths(tmp_path), NotedWorld(), GivenGpus()
    (tmp_path / "etc/wakebrush").mkdir(parents=True)
    (tmp_path / "run/wakebrush/door").mkdir(parents=True)
    (tmp_path / "proc").symlink_to("/proc")
    (tmp_path / "dev").symlink_to("/dev")
    short = "seconds = 2\nperiod_seconds = 1\nboot_seconds = 0\nsample_seconds = 1\nlook_again_seconds = 0.2\nssh_seconds = 0\n"
    paths.settings.write_text(f"cloud = 'none'\nguard.token_file = '/token'\nengine.port = 1\n[idle]\n{short}")
    begun = time.monotonic()
    with pytest.raises(Off):
        main(["loop"], paths=paths, gpus=gpus, world=world)
    assert world.stops == ["power off"]
    assert 2.0 <= time.monotonic() - begun < 30.0
    assert json.loads(paths.verdict.read_text())["at"] == pytest.approx(time.time(), abs=60)

"""One period after the other: watching, remembering, telling, and the door race before a stop."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cloud_image.door import Closer, Door
from cloud_image.idle_monitor.signals.base import GivenSignal
from cloud_image.idle_monitor.state import Boot
from cloud_image.idle_monitor.verdict import Said
from tests.unit.cloud_image.idle_monitor.machine import POLICY, HandClock, Machine, NotedWorld


@pytest.fixture
def engine() -> GivenSignal:
    return GivenSignal("engine")


@pytest.fixture
def machine(tmp_path: Path, engine: GivenSignal) -> Machine:
    return Machine(tmp_path, [engine])


def verdict_of(machine: Machine) -> dict[str, object]:
    found: dict[str, object] = json.loads(machine.paths.verdict.read_text())
    return found


def test_it_stops_after_a_window_without_work(machine: Machine) -> None:
    assert not machine.run(4) and machine.run(2)
    assert machine.world.stops == ["power off"]
    assert machine.clock.now == pytest.approx(1000 + POLICY.window + 3)


def test_it_goes_on_as_long_as_there_is_work(machine: Machine, engine: GivenSignal) -> None:
    engine.says = [Said.BUSY]
    assert not machine.run(60) and not machine.world.stops


def test_the_verdict_is_there_for_everybody(machine: Machine, engine: GivenSignal) -> None:
    machine.run(1)
    assert verdict_of(machine) == {"at": machine.clock.wall() - 3, "busy": False, "sleeps_at": 1_800_001_300.0, "because": []}
    assert machine.paths.verdict.stat().st_mode & 0o777 == 0o644
    engine.says = [Said.BUSY]
    machine.run(1)
    assert verdict_of(machine)["busy"] is True
    assert verdict_of(machine)["sleeps_at"] is None
    assert verdict_of(machine)["because"] == ["engine is busy."]


def test_the_door_is_closed_before_the_last_look_and_stays_closed_while_the_machine_stops(machine: Machine) -> None:
    seen: list[tuple[float, bool]] = []
    door = Door(machine.paths.door)
    machine.clock.at = lambda now: seen.append((now, Closer.MONITOR in door.closers()))
    machine.world.before = lambda: seen.append((0.0, Closer.MONITOR in door.closers()))
    assert machine.run(9)
    assert seen[-1] == (0.0, True)
    assert [now for now, closed in seen if closed] == [1303.0, 0.0]


@pytest.mark.parametrize("late", [1300.0, 1301.5, 1303.0])
def test_a_prompt_that_came_in_before_the_last_look_is_done_and_the_door_opens(
    machine: Machine, engine: GivenSignal, late: float
) -> None:
    door = Door(machine.paths.door)

    def arrive(now: float) -> None:
        if now >= late:
            engine.says = [Said.BUSY]

    machine.clock.at = arrive
    assert not machine.run(6)
    assert not machine.world.stops and not door.closers()
    assert verdict_of(machine)["busy"] is True


def test_what_kept_it_from_stopping_is_said(machine: Machine, engine: GivenSignal) -> None:
    machine.clock.at = lambda now: setattr(engine, "says", [Said.BUSY if now > 1301 else Said.IDLE])
    machine.run(6)
    assert "The machine was about to stop, and goes on: engine is busy." in machine.said


def test_work_at_the_last_look_begins_the_window_anew(machine: Machine, engine: GivenSignal) -> None:
    machine.clock.at = lambda now: setattr(engine, "says", [Said.BUSY if now == 1303 else Said.IDLE])
    machine.run(6)
    assert not machine.world.stops
    assert machine.run(6)
    assert machine.clock.now >= 1303 + POLICY.window


def test_an_engine_that_falls_silent_at_the_last_look_keeps_the_machine_for_the_grace_only(
    machine: Machine, engine: GivenSignal
) -> None:
    machine.clock.at = lambda now: setattr(engine, "says", [Said.MISSING if now > 1301 else Said.IDLE])
    machine.run(6)
    assert not machine.world.stops
    assert machine.run(9)
    assert machine.clock.now <= 1000 + POLICY.window + POLICY.missing_seconds + 63


def test_while_a_signal_is_missing_the_lease_decides(machine: Machine, engine: GivenSignal) -> None:
    engine.says = [Said.MISSING]
    machine.lease = lambda: machine.clock.epoch + 1900
    machine.run(14)
    assert not machine.world.stops
    assert machine.run(3)
    assert 1900 <= machine.clock.now <= 1963


def test_a_lease_keeps_no_machine_awake_that_can_be_seen_to_be_idle(machine: Machine) -> None:
    machine.lease = lambda: machine.clock.epoch + 90_000
    assert machine.run(6)


def test_a_machine_that_the_first_way_does_not_stop_is_stopped_in_the_next(machine: Machine) -> None:
    machine.world = NotedWorld(deaf=["power off"], refuses=["stop from outside"])
    assert machine.run(6)
    assert machine.world.stops == ["power off", "stop from outside", "power off at once"]


def test_a_machine_that_nothing_stops_takes_prompts_again_and_says_what_it_costs(machine: Machine) -> None:
    machine.world = NotedWorld(deaf=["power off", "stop from outside", "power off at once"])
    assert not machine.run(6)
    assert not Door(machine.paths.door).closers()
    assert [sentence for sentence in machine.said if "it costs money" in sentence]


def test_a_door_that_a_dead_monitor_left_closed_is_opened(machine: Machine) -> None:
    door = Door(machine.paths.door)
    machine.run(1)
    door.close(Closer.MONITOR)
    door.close(Closer.SERVICE)
    opened: list[frozenset[Closer]] = []
    machine.clock.at = lambda now: opened.append(door.closers())
    machine.run(1)
    assert opened[0] == {Closer.SERVICE}


def test_the_door_of_a_machine_that_is_stopping_stays_closed(machine: Machine) -> None:
    machine.run(1)
    Door(machine.paths.door).close(Closer.MONITOR)
    machine.world.shutting_down = True
    machine.run(1)
    assert Door(machine.paths.door).closers() == {Closer.MONITOR}


def test_the_alarm_hears_of_every_minute_and_of_work_in_it(machine: Machine, engine: GivenSignal) -> None:
    machine.boot = Boot("this", 990.0)
    machine.run(1)
    engine.says = [Said.BUSY]
    machine.run(1)
    engine.says = [Said.IDLE]
    machine.run(4)
    assert machine.world.reports == ["busy 1", "busy 1", "busy 1", "busy 0", "busy 0", "busy 0"]


def test_the_alarm_hears_of_a_lease(machine: Machine) -> None:
    machine.lease = lambda: machine.clock.epoch + 1150
    machine.run(5)
    assert machine.world.reports == ["busy 1", "busy 1", "busy 0", "busy 0"]


def test_the_alarm_hears_nothing_of_a_silent_engine(machine: Machine, engine: GivenSignal) -> None:
    engine.says = [Said.MISSING]
    machine.run(4)
    assert machine.world.reports == ["busy 0"] * 3


def test_it_is_reported_once_a_minute_however_short_the_periods_are(machine: Machine) -> None:
    for _ in range(13):
        machine.monitor().period(7.0)
        machine.clock.sleep(3.0)
    assert len(machine.world.reports) == 3


def test_a_report_that_fails_is_said_and_changes_nothing(machine: Machine) -> None:
    machine.world.untold = "The alarm was not told."
    assert machine.run(6)
    assert "The alarm was not told." in machine.said


def test_a_dry_run_says_so_and_touches_nothing(machine: Machine) -> None:
    for _ in range(7):
        machine.monitor().period(57.0, dry=True)
        machine.clock.sleep(3.0)
    assert not machine.world.deeds and not Door(machine.paths.door).closers() and not machine.paths.verdict.exists()
    assert "The machine would stop now." in machine.said


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"version": 1, "boot": "this"}', '{"version": 99, "boot": "this"}'])
def test_a_damaged_memory_costs_one_window_and_is_said(machine: Machine, damage: str) -> None:
    machine.run(4)
    (machine.paths.idle / "state.json").write_text(damage)
    begun = machine.clock.now
    machine.run(4)
    assert not machine.world.stops
    assert machine.run(2)
    assert machine.clock.now <= begun + POLICY.window + 63
    assert [sentence for sentence in machine.said if "begins anew" in sentence]


def test_the_memory_of_another_boot_is_not_used(machine: Machine) -> None:
    machine.run(4)
    machine.boot = Boot("next", 1230.0)
    machine.run(6)
    assert not machine.world.stops
    assert machine.run(4)


def test_a_suspended_machine_begins_anew_and_says_so(machine: Machine) -> None:
    machine.run(4)
    machine.clock.now += 20
    machine.clock.suspended += 20
    resumed = machine.clock.now
    machine.run(6)
    assert not machine.world.stops
    assert "The machine was suspended: the idle time begins anew." in machine.said
    assert machine.run(4)
    assert machine.clock.now >= resumed + POLICY.boot_seconds + POLICY.window


def test_the_memory_stays_small_however_long_nothing_happens(machine: Machine, engine: GivenSignal) -> None:
    machine.lease = lambda: machine.clock.epoch + 80_000
    engine.says = [Said.MISSING]
    machine.run(600)
    assert len((machine.paths.idle / "state.json").read_text()) < 4000


def test_a_clock_that_is_set_is_said_and_moves_only_what_people_read(machine: Machine) -> None:
    machine.run(2)
    before = verdict_of(machine)["sleeps_at"]
    machine.clock.epoch += 7200
    machine.run(1)
    assert verdict_of(machine)["sleeps_at"] == pytest.approx(before + 7200)  # type: ignore[operator]
    assert "The clock was set forward by 7200 s; the idle time does not go by it." in machine.said


def test_a_monitor_that_did_not_run_begins_anew(machine: Machine) -> None:
    machine.run(4)
    machine.clock.now += 100
    begun = machine.clock.now
    machine.run(4)
    assert not machine.world.stops
    assert machine.run(2) and machine.clock.now >= begun + POLICY.window
    assert "Nobody watched for 103 s: the idle time begins anew." in machine.said


def test_it_does_not_stop_before_it_has_watched_for_a_window(tmp_path: Path) -> None:
    machine = Machine(tmp_path, [GivenSignal("engine")], clock=HandClock(now=50_000.0))
    assert machine.run(9)
    assert machine.clock.now >= 50_000 + POLICY.window

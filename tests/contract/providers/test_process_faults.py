"""What machines on this computer promise besides: about processes, files and ends that nobody planned."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import stat
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from tests.contract.providers.worlds import DEADLINE, ProcessWorld, Sightings, seen, tiny_engine
from wake_service.clock import SystemClock
from wake_service.errors import ProviderError, SetupError
from wake_service.providers import process_machine
from wake_service.providers.base import BootStage, Power
from wake_service.providers.engine_command import EngineCommand
from wake_service.providers.machine_folder import ALIVE, ENGINE, MachineState
from wake_service.providers.process import ProcessProvider

AWAKE = (Power.RUNNING, BootStage.ENGINE)


@pytest.fixture
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[ProcessWorld]:
    moods = getattr(request, "param", ())
    world = ProcessWorld(tmp_path, lambda _: tiny_engine(*moods))
    yield world
    await world.clean_up()


@asynccontextmanager
async def awake(
    world: ProcessWorld, *, grace: float = 10.0, lonely: float = 3600.0
) -> AsyncIterator[tuple[ProcessProvider, Sightings, MachineState]]:
    """`m1` with an answering engine, its provider, and what its launcher wrote down."""
    provider = ProcessProvider(world.directory / "machines", world.commands, SystemClock(), grace=grace, lonely=lonely)
    async with seen(world, provider) as sightings:
        await provider.start("m1")
        await sightings.until("m1", *AWAKE)
        state = world.folder("m1").state()
        assert state is not None and state.launcher_pid and state.engine_pid
        yield provider, sightings, state


async def gone(pid: int) -> None:
    """Waits for a process to end."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    ended = asyncio.Event()
    asyncio.get_running_loop().add_reader(handle, ended.set)
    try:
        async with asyncio.timeout(DEADLINE):
            await ended.wait()
    finally:
        asyncio.get_running_loop().remove_reader(handle)
        os.close(handle)


async def test_a_killed_launcher_takes_its_engine_along_and_reads_as_stopped(world: ProcessWorld) -> None:
    async with awake(world) as (provider, sightings, state):
        assert state.launcher_pid and state.engine_pid
        os.kill(state.launcher_pid, signal.SIGKILL)
        stopped = await sightings.until("m1", Power.STOPPED)
        await gone(state.engine_pid)
        assert not world.folder("m1").held(ENGINE)
        assert state.socket and not Path(state.socket).parent.exists()
        assert [s.power for s in await provider.machines()] == [Power.STOPPED, Power.STOPPED]
    assert stopped.message == "The machine's launcher was ended from outside, and the engine with it."


async def test_a_machine_whose_launcher_was_killed_while_no_service_ran_reads_as_stopped_and_starts_again(
    world: ProcessWorld,
) -> None:
    await world.leave_running("m1")
    before = world.folder("m1").state()
    assert before is not None and before.launcher_pid and before.engine_pid
    os.kill(before.launcher_pid, signal.SIGKILL)
    await gone(before.engine_pid)
    async with awake(world) as (_, _, state):
        assert state.boot != before.boot


@pytest.mark.parametrize("stage", [BootStage.STARTING, BootStage.BOOTING])
async def test_a_service_killed_while_it_starts_a_machine_leaves_one_machine_or_none(
    world: ProcessWorld, stage: BootStage
) -> None:
    """At `starting` the launcher is not up yet. The next service's start waits for what becomes of it, and joins it."""
    await world.leave_running("m1", stage)
    async with awake(world) as (_, sightings, state):
        assert launchers_of(world) == [state.launcher_pid]
        assert len({sighting.boot for sighting in sightings.of("m1")}) == 1


def launchers_of(world: ProcessWorld) -> list[int]:
    """Process ids of all launchers of `m1`."""
    folder, found = str(world.folder("m1").path).encode(), []
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(FileNotFoundError, ProcessLookupError):
            if folder in (path / "cmdline").read_bytes().split(b"\0"):
                found.append(int(path.name))
    return found


async def test_a_machine_that_no_service_comes_back_to_goes_to_sleep_by_itself(world: ProcessWorld) -> None:
    provider = ProcessProvider(world.directory / "machines", world.commands, SystemClock(), lonely=0.2)
    async with seen(world, provider):
        await provider.start("m1")  # on a busy computer it may have been lonely already before we were connected to it
    assert await asyncio.to_thread(world.folder("m1").released, ALIVE, DEADLINE)
    async with seen(world, provider := world.open()):
        asleep = next(s for s in await provider.machines() if s.machine_id == "m1")
    assert asleep.power is Power.STOPPED
    assert asleep.message == "The machine went to sleep by itself: no service was connected to it any more."


async def test_a_service_that_comes_back_in_time_keeps_the_machine_awake(world: ProcessWorld) -> None:
    async with awake(world, lonely=2):
        pass
    async with seen(world, provider := world.open()) as sightings:
        await provider.machines()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(2.5):
                await sightings.until("m1", Power.STOPPED)


async def test_an_engine_that_lost_its_launcher_and_lives_on_is_ended_before_the_next_start(world: ProcessWorld) -> None:
    """As on systems whose kernel does not end it: the launcher's part is played by a sleeping process."""
    folder = world.folder("m1")
    folder.make()
    lock = folder.acquire(ENGINE)
    stray = await asyncio.create_subprocess_exec(
        sys.executable, "-c", "import signal; signal.pause()", pass_fds=(lock,), start_new_session=True
    )
    os.close(lock)
    folder.write_state(MachineState("earlier", *AWAKE, launcher_pid=1, engine_pid=stray.pid))
    async with awake(world):
        async with asyncio.timeout(DEADLINE):
            assert await stray.wait() == -signal.SIGKILL


@pytest.mark.parametrize("world", [("deaf",)], indirect=True)
async def test_an_engine_that_ignores_the_stop_is_killed_after_the_grace(world: ProcessWorld) -> None:
    async with awake(world, grace=0.2) as (provider, sightings, state):
        await provider.stop("m1")
        stopped = await sightings.until("m1", Power.STOPPED)
        assert state.engine_pid is not None
        await gone(state.engine_pid)
    assert stopped.message is None


@pytest.mark.parametrize("world", [("deaf",)], indirect=True)
async def test_force_does_not_wait_for_the_grace(world: ProcessWorld) -> None:
    async with awake(world, grace=10 * DEADLINE) as (provider, sightings, _):
        await provider.stop("m1")
        await sightings.until("m1", Power.STOPPING)
        await provider.stop("m1", force=True)
        await sightings.until("m1", Power.STOPPED)


@pytest.mark.parametrize("world", [("deaf",)], indirect=True)
async def test_a_start_while_stopping_is_refused_with_a_sentence(world: ProcessWorld) -> None:
    async with awake(world, grace=10 * DEADLINE) as (provider, _, _):
        await provider.stop("m1")
        with pytest.raises(ProviderError, match="still stopping; it can be started once it has stopped"):
            await provider.start("m1")


@pytest.mark.parametrize("world", [("parent",)], indirect=True)
async def test_a_stop_leaves_no_child_of_the_engine_behind(world: ProcessWorld) -> None:
    async with awake(world) as (provider, sightings, _):
        child = int(world.folder("m1").engine_log.read_text().split()[1])
        await provider.stop("m1")
        await sightings.until("m1", Power.STOPPED)
        await gone(child)


@pytest.mark.parametrize("world", [("brief",)], indirect=True)
async def test_an_engine_that_ends_at_once_says_its_last_words(world: ProcessWorld) -> None:
    async with seen(world, provider := world.open()) as sightings:
        await provider.start("m1")
        stopped = await sightings.until("m1", Power.STOPPED)
    assert stopped.message == "The engine ended by itself (exit code 3). Its last words: no model folder"


async def test_a_command_that_cannot_be_run_ends_stopped_with_a_sentence(world: ProcessWorld) -> None:
    commands = {"m1": EngineCommand(("/nowhere/python", "main.py"), Path("/"))}
    provider = ProcessProvider(world.directory / "machines", commands, SystemClock())
    async with seen(world, provider) as sightings:
        await provider.start("m1")
        stopped = await sightings.until("m1", Power.STOPPED)
    assert stopped.message == "The engine could not be started: /nowhere/python: No such file or directory."


@pytest.mark.parametrize("world", [("mute",)], indirect=True)
async def test_an_engine_that_never_answers_stays_booting_and_can_be_stopped(world: ProcessWorld) -> None:
    async with seen(world, provider := world.open()) as sightings:
        await provider.start("m1")
        await sightings.until("m1", Power.RUNNING, BootStage.BOOTING)
        await provider.stop("m1")
        await sightings.until("m1", Power.STOPPED)
    assert BootStage.ENGINE not in {s.stage for s in sightings.all}


async def test_a_launcher_that_does_not_answer_is_said_so_and_can_be_stopped(world: ProcessWorld) -> None:
    """Its socket was removed from under it, as by a zealous cleaner of temporary files."""
    await world.leave_running("m1")
    folder = world.folder("m1")
    state = folder.state()
    assert state is not None and state.socket is not None
    await asyncio.to_thread(Path(state.socket).unlink)
    provider = world.open()
    sighting = next(s for s in await provider.machines() if s.machine_id == "m1")
    assert sighting.power is Power.RUNNING and sighting.address is None
    assert sighting.message is not None and "does not answer; stop the machine" in sighting.message
    with pytest.raises(ProviderError, match="does not answer"):
        await provider.start("m1")
    await provider.stop("m1")
    assert await asyncio.to_thread(folder.released, ALIVE, DEADLINE)
    assert next(s for s in await provider.machines() if s.machine_id == "m1").power is Power.STOPPED
    await provider.close()


async def test_a_machine_that_is_not_configured_any_more_is_listed_while_it_runs_and_can_only_be_stopped(
    world: ProcessWorld,
) -> None:
    await world.leave_running("m1")
    provider = ProcessProvider(world.directory / "machines", {"other": tiny_engine()}, SystemClock())
    async with seen(world, provider) as sightings:
        assert {(s.machine_id, s.power) for s in await provider.machines()} == {("m1", Power.RUNNING), ("other", Power.STOPPED)}
        with pytest.raises(ProviderError, match="not configured any more"):
            await provider.start("m1")
        await provider.stop("m1")
        await sightings.until("m1", Power.STOPPED)


async def test_several_listeners_hear_the_same_and_nonsense_is_ignored(world: ProcessWorld) -> None:
    async with awake(world) as (provider, sightings, state):
        assert state.socket is not None
        reader, writer = await asyncio.open_unix_connection(state.socket)
        assert json.loads(await reader.readline())["stage"] == "engine"
        writer.write(b'nonsense\n{"order": "dance"}\n[1]\n')
        await provider.stop("m1")
        await sightings.until("m1", Power.STOPPED)
        async with asyncio.timeout(DEADLINE):
            powers = [json.loads(line)["power"] async for line in reader]
        writer.close()
    assert powers == ["stopping", "stopped"]


async def test_nobody_else_can_read_a_machine_s_files(world: ProcessWorld) -> None:
    async with awake(world) as (_, _, state):
        assert state.socket is not None
        folders = [world.folder("m1").path, Path(state.socket).parent]
        files = [path for folder in folders for path in folder.iterdir() if path.is_file()]
    assert {path.name for path in files} >= {"machine.json", "launch.json", "engine.log"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in folders if path.exists()} == {0o700}
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}


async def test_nothing_is_left_in_the_temporary_folder_after_a_stop(world: ProcessWorld) -> None:
    async with awake(world) as (provider, sightings, state):
        assert state.socket is not None
        await provider.stop("m1")
        await sightings.until("m1", Power.STOPPED)
        assert await asyncio.to_thread(world.folder("m1").released, ALIVE, DEADLINE)
        assert not Path(state.socket).parent.exists()


async def test_the_engine_does_not_see_the_service_s_settings(world: ProcessWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WAKEBRUSH_DATA", "secret")
    monkeypatch.setenv("KRITA_AI_TOKEN", "secret")
    async with awake(world) as (_, _, state):
        assert state.engine_pid is not None
        environment = await asyncio.to_thread(Path(f"/proc/{state.engine_pid}/environ").read_bytes)
        assert b"PATH=" in environment and b"secret" not in environment


async def test_a_folder_whose_path_is_too_long_for_a_socket_works(tmp_path: Path) -> None:
    world = ProcessWorld(tmp_path / ("long" * 30), lambda _: tiny_engine())
    async with awake(world) as (provider, _, _):
        await provider.stop("m1")
    await world.clean_up()


async def test_a_damaged_state_file_does_not_keep_a_machine_from_starting(world: ProcessWorld) -> None:
    folder = world.folder("m1")
    folder.make()
    (folder.path / "machine.json").write_text('{"boot": "x", "pow')
    async with awake(world) as (_, _, state):
        assert replace(state, boot="") != state


async def test_files_that_cannot_be_used_are_a_sentence(world: ProcessWorld) -> None:
    folder = world.folder("m1").path
    folder.parent.mkdir(parents=True)
    folder.touch()
    async with seen(world, provider := world.open()) as sightings:
        for call in (provider.machines(), provider.start("m1"), provider.stop("m1")):
            with pytest.raises(ProviderError, match=r'^The files of machine "m1" cannot be used: Not a directory\.$'):
                await call
    folder.unlink()
    assert sightings.all == []


async def test_a_launcher_that_comes_to_nothing_is_a_sentence_and_leaves_the_machine_stopped(
    world: ProcessWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process_machine, "_LAUNCHER", "wake_service.nothing")
    async with seen(world, provider := world.open()) as sightings:
        with pytest.raises(ProviderError, match=r"came to nothing; .*launcher\.log says why"):
            await provider.start("m1")
        assert (await sightings.until("m1", Power.STOPPED)).message
    assert "No module named" in world.folder("m1").launcher_log.read_text()


async def test_a_temporary_folder_too_deep_for_a_socket_does_not_matter(
    world: ProcessWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = tmp_path / ("deep" * 30)
    deep.mkdir()
    monkeypatch.setenv("TMPDIR", str(deep))
    async with awake(world) as (_, _, state):
        assert state.socket is not None and not state.socket.startswith(str(deep))


def test_a_launcher_of_a_later_version_is_understood() -> None:
    """The service may be an older one than that which started the machine; it leaves aside what it doesn't know."""
    state = MachineState("b", Power.RUNNING, BootStage.ENGINE, "http://127.0.0.1:1")
    assert MachineState.from_json(state.to_json()[:-1] + ', "temperature": 60}') == state


def test_a_name_that_cannot_be_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="cannot name a machine"):
        ProcessProvider(tmp_path, {"../m1": tiny_engine()}, SystemClock())


def with_files(tmp_path: Path, *moods: str) -> ProcessWorld:
    return ProcessWorld(tmp_path, lambda files: tiny_engine(*moods, files=files))


async def test_an_engine_that_does_not_end_is_ended_before_the_machine_is_wiped(tmp_path: Path) -> None:
    world = with_files(tmp_path, "deaf", "parent")
    async with awake(world, grace=0.2) as (provider, sightings, before):
        await world.paint("m1")
        so_far = len(sightings.all)
        await provider.hand_over("m1")
        assert world.files("m1") == []
        await gone(before.engine_pid or 0)
        again = await sightings.until("m1", *AWAKE, after=so_far)
        assert again.boot != before.boot
    await world.clean_up()


async def test_an_engine_that_does_not_start_again_is_told_with_its_last_words_and_the_machine_is_empty(tmp_path: Path) -> None:
    world = with_files(tmp_path)
    async with awake(world) as (provider, sightings, _):
        await world.paint("m1")
        state = world.folder("m1").state()
        assert state is not None and state.engine_pid
        await provider.hand_over("m1")
        await world.kill_engine("m1")
        stopped = await sightings.until("m1", Power.STOPPED)
        assert stopped.message and world.files("m1") == []
    await world.clean_up()


async def test_a_machine_with_folders_that_are_not_its_own_is_not_wiped(world: ProcessWorld) -> None:
    async with awake(world) as (provider, sightings, before):
        with pytest.raises(ProviderError, match="not its own"):
            await provider.hand_over("m1")
        assert world.folder("m1").state() == replace(before, stage=BootStage.ENGINE)
        assert sightings.of("m1")[-1].stage is BootStage.ENGINE


async def test_a_launcher_that_is_killed_while_it_wipes_leaves_a_machine_that_was_not_wiped(tmp_path: Path) -> None:
    world = with_files(tmp_path, "deaf")
    async with awake(world, grace=5.0) as (provider, sightings, before):
        await world.paint("m1")
        so_far = len(sightings.all)
        handing_over = asyncio.create_task(provider.hand_over("m1"))
        await sightings.until("m1", Power.RUNNING, BootStage.BOOTING, after=so_far)
        os.kill(before.launcher_pid or 0, signal.SIGKILL)
        with pytest.raises(ProviderError):
            await handing_over
        assert world.files("m1"), "nobody may take it for wiped"
    await world.clean_up()

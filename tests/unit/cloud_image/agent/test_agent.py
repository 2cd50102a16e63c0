"""The whole agent on its own socket."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import socket
import stat
from pathlib import Path

import aiohttp
import pytest
from yarl import URL

from cloud_image.agent.app import MOST_SOCKETS
from cloud_image.agent.daemon import AgentBroken
from cloud_image.agent.gpus import NoGpu
from cloud_image.agent.notify import Systemd
from cloud_image.agent.obey import REMEMBERED
from cloud_image.door import Closer, Door
from tests.unit.cloud_image.agent.conftest import soon
from tests.unit.cloud_image.agent.fakes import ended, finished
from tests.unit.cloud_image.agent.machines import Machine, closed
from tests.unit.cloud_image.agent.machines import machine as new_machine


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return new_machine(tmp_path / "machine")


async def test_the_first_words_are_a_whole_report_and_the_next_come_with_every_beat(machine: Machine) -> None:
    async with machine.running(), machine.socket() as line:
        first = await line.next()
        assert first["type"] == "report" and first["boot"] == "boot 1" and first["stage"] == "booting"
        await line.until(lambda report: report["machine"] == "i-0abc")
        heard = line.heard
        await line.until(lambda report: line.heard >= heard + 3)


async def test_the_socket_is_for_its_group_only(machine: Machine) -> None:
    async with machine.running():
        assert stat.S_IMODE(machine.paths.agent_socket.stat().st_mode) == 0o660
    assert not machine.paths.agent_socket.exists()


async def test_what_a_prompt_left_is_reported_fetched_and_acknowledged(machine: Machine) -> None:
    (machine.paths.engine_data / "output/a.png").write_bytes(b"picture" * 100_000)
    machine.engine.start()
    async with machine.running(), machine.socket() as line, machine.client() as client:
        await line.until(lambda report: report["engine"]["state"] == "ready")
        machine.engine.begin("p1", "checkpoints/a.safetensors")
        await line.until(lambda report: report["engine"]["state"] == "working" and report["queue"]["running"] == 1)
        machine.engine.end(finished("p1", "a.png"))
        (kept,) = (await line.until(lambda report: report["kept"]))["kept"]
        assert (kept["prompt_id"], kept["size"]) == ("p1", 700_000)
        async with client.get("/agent/results/p1") as answer:
            assert answer.status == 200 and (await answer.json())["files"][0]["name"] == "a.png"
        async with client.get("/agent/results/p1/0") as answer:
            assert answer.content_type == "image/png" and await answer.read() == b"picture" * 100_000
        assert (await line.order("acknowledge", "a1", results=["p1"]))["done"]
        await line.until(lambda report: not report["kept"])
        async with client.get("/agent/results/p1/0") as answer:
            assert answer.status == 404


async def test_what_the_service_missed_is_told_when_it_comes_back(machine: Machine) -> None:
    machine.engine.start()
    (machine.paths.engine_data / "output/a.png").write_bytes(b"picture")
    async with machine.running() as agent:
        await soon(lambda: agent.state.facts.happened)
        machine.engine.begin("p1")
        machine.engine.end(finished("p1", "a.png"))
        await soon(lambda: agent.state.facts.kept)
        machine.process.record = ended(1.0)
        machine.engine.die()
        await soon(lambda: len(agent.state.facts.happened) == 2)
        async with machine.socket() as line:
            report = await line.next()
            assert [happening["number"] for happening in report["happened"]] == [1, 2]
            assert report["happened"][1]["sentence"] == machine.process.sentence and report["kept"]


async def test_a_crash_between_finishing_and_booking_is_made_good_by_the_next_agent(machine: Machine) -> None:
    machine.engine.start()
    (machine.paths.engine_data / "output/a.png").write_bytes(b"picture")
    machine.engine.history.append(finished("p1", "a.png"))
    async with machine.running(), machine.socket() as line:
        await line.until(lambda report: report["kept"])
    machine.engine.die()
    machine.boot = "boot 2"
    (machine.paths.run / "agent/happened.json").unlink()
    async with machine.running(), machine.socket() as line:
        report = await line.next()
        assert report["kept"] and report["boot"] == "boot 2" and report["happened"] == []


async def test_an_agent_that_is_started_anew_goes_on_counting_and_opens_what_a_stop_left_closed(machine: Machine) -> None:
    door = Door(machine.paths.door)
    async with machine.running() as agent:
        agent.state.say("The first thing.")
        door.close(Closer.STOP)
        door.close(Closer.SERVICE)
    async with machine.running(), machine.socket() as line:
        happened = (await line.next())["happened"]
    assert [(row["number"], row["sentence"]) for row in happened] == [
        (1, "The first thing."),
        (2, "The machine's agent was started anew."),
    ]
    assert door.closers() == {Closer.SERVICE}
    machine.paths.stop_order.write_text(json.dumps({"order": "s1"}), encoding="utf-8")
    door.close(Closer.STOP)
    async with machine.running():
        assert Closer.STOP in door.closers()


async def test_a_prompt_renews_the_lease_with_nobody_connected(machine: Machine) -> None:
    machine.engine.start()
    machine.engine.begin("p1")
    async with machine.running():
        await soon(lambda: machine.commands.ran, 20)
    assert machine.commands.ran[0][1] == "renew-lease"


async def test_an_order_is_carried_out_once_over_however_many_sockets_it_comes(machine: Machine) -> None:
    door = Door(machine.paths.door)
    async with machine.running(), machine.socket() as line, machine.socket() as other:
        first = await line.order("drain", "d1")
        assert first["done"] and door.closers() == {Closer.SERVICE}
        await line.order("undrain", "u1")
        for _ in range(REMEMBERED // 2 - 1):
            await line.socket.send_json({"type": "undrain", "wire": 1, "id": f"u{_ + 2}"})
        assert await other.order("drain", "d1") == first
        assert not door.closers()


async def test_the_same_stop_over_two_sockets_at_once_is_one(machine: Machine) -> None:
    machine.engine.start()
    async with machine.running(), machine.socket() as line, machine.socket() as other:
        await line.until(lambda report: report["engine"]["state"] == "ready")
        machine.engine.looks, machine.engine.gate = 0, asyncio.Event()
        orders = asyncio.gather(line.order("stop", "s1"), other.order("stop", "s1"))
        await soon(lambda: machine.engine.looks)
        await asyncio.sleep(0.1)
        machine.engine.gate.set()
        replies = await orders
        assert machine.engine.looks == 1
        assert replies[0] == replies[1] and replies[0]["done"]
        assert json.loads(machine.paths.stop_order.read_text())["order"] == "s1"
        await line.until(lambda report: report["draining"])


async def test_a_stop_with_work_is_refused_and_a_forced_one_is_not(machine: Machine) -> None:
    machine.engine.start()
    machine.engine.begin("p1")
    async with machine.running(), machine.socket() as line:
        await line.until(lambda report: report["queue"]["running"] == 1)
        refused = await line.order("stop", "s1")
        assert not refused["done"] and "A picture is being made" in refused["sentence"]
        assert not (await line.until(lambda report: True))["draining"] and not machine.paths.stop_order.exists()
        assert (await line.order("stop", "s2", force=True))["done"]


async def test_a_hold_keeps_awake_until_it_is_let_go(machine: Machine) -> None:
    async with machine.running() as agent, machine.socket() as line:
        until = agent.state._now() + 600
        assert (await line.order("hold", "h1", until=until))["done"]
        report = await line.until(lambda report: report["hold_until"])
        assert report["hold_until"] == until and report["awake_because"]
        await line.order("hold", "h2", until=None)
        await line.until(lambda report: report["hold_until"] is None)


async def test_prefetched_models_are_reported_as_hot(machine: Machine) -> None:
    machine.reader.sizes = {"checkpoints/a.safetensors": 10}
    async with machine.running(), machine.socket() as line:
        assert (await line.order("prefetch", "f1", models=["checkpoints/a.safetensors", "loras/nowhere.pt"]))["done"]
        await line.until(lambda report: report["models"]["hot"] == ["checkpoints/a.safetensors"])


async def test_an_order_that_the_disk_does_not_take_is_refused_with_the_reason(machine: Machine) -> None:
    async with machine.running(), machine.socket() as line:
        machine.paths.door.rmdir()
        reply = await line.order("drain", "d1")
        assert not reply["done"] and "could not do it" in reply["sentence"]
        machine.paths.door.mkdir()
        assert (await line.order("drain", "d2"))["done"]


@pytest.mark.parametrize("version", [None, "0", "2", "one", "9" * 5000])
async def test_another_version_is_answered_with_ours(machine: Machine, version: str | None) -> None:
    headers = {} if version is None else {"Wakebrush-Wire": version}
    async with machine.running(), machine.client() as client:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await client.ws_connect("/agent", headers=headers)
        assert refused.value.status == 426 and refused.value.headers is not None
        assert refused.value.headers["Wakebrush-Wire"] == "1"
        async with client.get("/agent", headers=headers) as answer:
            assert answer.status == 426 and "cannot work together" in (await answer.json())["title"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/agent/results"),
        ("GET", "/agent/results/p1"),
        ("GET", "/agent/results/p1/0"),
        ("GET", "/agent/results/p1/-1"),
        ("GET", "/agent/results/p1/1000000"),
        ("GET", "/agent/results/..%2f..%2fetc/0"),
        ("GET", "/agent/inputs/a.png"),
        ("POST", "/agent/inputs/a.png"),
        ("DELETE", "/agent/results/p1"),
        ("GET", "/agent/unknown"),
    ],
)
async def test_nothing_else_is_there(machine: Machine, method: str, path: str) -> None:
    url = URL(path, encoded=True)
    async with machine.running(), machine.client() as client, client.request(method, url) as answer:
        assert answer.status == 404 and answer.content_type == "application/problem+json"


async def test_input_pictures_are_taken_while_the_engine_still_starts(machine: Machine) -> None:
    async with machine.running(), machine.client() as client:
        for data, status in ((b"picture", 201), (b"picture", 201), (b"other", 409), (bytes(2**20 + 1), 413)):
            name = "b.png" if status == 413 else "a.png"
            async with client.put(f"/agent/inputs/{name}", data=io.BytesIO(data)) as answer:
                assert answer.status == status
        async with client.put("/agent/inputs/..%2fa.png", data=b"x") as answer:
            assert answer.status in (404, 422)
    folder = machine.paths.engine_data / "input/wakebrush"
    assert [path.name for path in folder.iterdir()] == ["a.png"]


async def test_an_upload_that_breaks_off_leaves_nothing(machine: Machine) -> None:
    folder = machine.paths.engine_data / "input/wakebrush"
    async with machine.running():
        _, writer = await asyncio.open_unix_connection(str(machine.paths.agent_socket))
        writer.write(b"PUT /agent/inputs/a.png HTTP/1.1\r\nHost: m\r\nContent-Length: 1000\r\n\r\nhalf")
        await writer.drain()
        await soon(lambda: folder.exists() and list(folder.iterdir()))
        writer.close()
        await writer.wait_closed()
        await soon(lambda: not list(folder.iterdir()))


async def test_a_binary_message_ends_its_socket_and_no_other(machine: Machine) -> None:
    async with machine.running(), machine.socket() as line, machine.socket() as other:
        await line.socket.send_bytes(b"\0")
        assert await closed(line.socket) == 1003
        assert (await other.order("undrain", "u1"))["done"]


async def test_a_message_that_is_too_long_ends_its_socket_and_no_other(machine: Machine) -> None:
    async with machine.running(), machine.socket() as line, machine.socket() as other:
        with contextlib.suppress(ConnectionError):
            await line.socket.send_str("x" * 1_000_001)
        assert await closed(line.socket) in (1006, 1009)
        assert (await other.order("undrain", "u1"))["done"]


async def test_sockets_are_limited_and_one_that_ends_makes_room(machine: Machine) -> None:
    async with machine.running(), machine.client() as client:
        headers = {"Wakebrush-Wire": "1"}
        sockets = [await client.ws_connect("/agent", headers=headers) for _ in range(MOST_SOCKETS)]
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await client.ws_connect("/agent", headers=headers)
        assert refused.value.status == 503
        await sockets.pop().close()
        async with asyncio.timeout(10):
            while True:
                try:
                    sockets.append(await client.ws_connect("/agent", headers=headers))
                    break
                except aiohttp.WSServerHandshakeError:
                    await asyncio.sleep(0.01)
        for socket in sockets:
            await socket.close()


async def test_a_listener_that_does_not_read_holds_nobody_up(machine: Machine) -> None:
    machine.process.sentence = "x" * 50_000
    async with machine.running() as agent, machine.socket() as slow, machine.socket() as line:
        for number in range(300):
            agent.state.say(f"{number} " + "x" * 10_000)
            await asyncio.sleep(0)
        await line.until(lambda report: report["happened"] and report["happened"][-1]["number"] == 300)
        assert slow.report == {}


async def test_systemd_hears_that_the_agent_listens_and_that_it_ends(machine: Machine, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(10)
        machine.systemd = Systemd({"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "30000000"})
        async with machine.running():
            assert {manager.recv(1000).split(b"\n")[0] for _ in range(2)} == {b"READY=1", b"WATCHDOG=1"}
            assert machine.paths.agent_socket.exists()
        assert manager.recv(1000) == b"STOPPING=1"


async def test_a_part_that_breaks_ends_the_agent_with_a_sentence(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine.reader, "room", lambda: 1 / 0)
    with pytest.raises(AgentBroken, match="prefetch"):
        async with machine.running(), machine.socket() as line:
            await line.socket.send_json({"type": "prefetch", "wire": 1, "id": "1", "models": ["a/b"]})
            await closed(line.socket)


async def test_a_machine_that_is_not_laid_out_says_so_at_once(machine: Machine) -> None:
    machine.paths.agent_socket.parent.rmdir()
    with pytest.raises(OSError):
        await machine.agent().run()


async def test_a_machine_without_a_gpu_is_not_taken_for_one_whose_watch_is_dead(machine: Machine) -> None:
    machine.gpus.error = NoGpu("There is none.")
    async with machine.running() as agent:
        await soon(lambda: "gpus" not in agent.pulse._due)
        assert "engine" in agent.pulse._due and not agent.pulse.dead()

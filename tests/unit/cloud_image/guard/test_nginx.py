"""What nginx does with our configuration: whom it lets in, and where each request goes (docs/agent.md)."""

from __future__ import annotations

import asyncio
import ssl

import aiohttp
import psutil
import pytest

from tests.unit.cloud_image.guard.conftest import DEADLINE, TOKEN, Stand, standing
from wake_service.agent.memory import problem


@pytest.mark.parametrize(
    "path", ["/", "/agent", "/agent/results/p1", "/agent/inputs/a.png", "/prompt", "/api/prompt", "/ws", "/upload/image"]
)
async def test_nothing_is_reached_without_the_token(stand: Stand, path: str) -> None:
    expected = problem(401, "not_authenticated", "This machine wants the token of its present wake.")
    for token in (None, "", "wrong", TOKEN + "x", TOKEN[:-1], TOKEN.lower(), TOKEN.swapcase(), f"{TOKEN},{TOKEN}"):
        async with stand.session(token) as session, session.post(path, data=b"{}") as answer:
            assert (answer.status, await answer.read()) == (401, expected.body), token
            assert (answer.content_type, answer.headers["WWW-Authenticate"]) == (expected.media_type, "Bearer")
    assert stand.engine.seen == stand.agent.seen == []


async def test_the_scheme_may_be_written_as_one_likes_and_no_other_will_do(stand: Stand) -> None:
    for scheme, status in [("Bearer", 200), ("bearer", 200), ("BEARER", 200), ("Basic", 401), ("", 401)]:
        async with stand.session(None, Authorization=f"{scheme} {TOKEN}") as session, session.get("/queue") as answer:
            assert answer.status == status, scheme


async def test_the_engine_gets_the_request_but_neither_token_nor_version(stand: Stand) -> None:
    async with stand.session(**{"Wakebrush-Wire": "1"}) as session, session.post("/queue?a=b%20c&d=%25", json={"x": 1}) as answer:
        assert (answer.status, answer.headers["Backend"]) == (200, "yes")
    (seen,) = stand.engine.seen
    assert (seen.method, seen.path, seen.body) == ("POST", "/queue?a=b%20c&d=%25", b'{"x": 1}')
    assert not {"Authorization", "Wakebrush-Wire"} & set(seen.headers)
    assert seen.headers["Host"] == stand.guard.url.removeprefix("https://")


async def test_the_agent_gets_the_version_but_not_the_token(stand: Stand) -> None:
    async with stand.session(**{"Wakebrush-Wire": "1"}) as session:
        for method, path in [
            ("GET", "/agent"),
            ("PUT", "/agent/inputs/a.png"),
            ("GET", "/agent/results/p1"),
            ("GET", "/agent/results/p1/0"),
        ]:
            async with session.request(method, path, data=b"x" if method == "PUT" else None) as answer:
                assert answer.status == 200
    assert [seen.path for seen in stand.agent.seen] == [
        "/agent",
        "/agent/inputs/a.png",
        "/agent/results/p1",
        "/agent/results/p1/0",
    ]
    assert stand.agent.seen[0].headers["Wakebrush-Wire"] == "1"
    assert not [seen for seen in stand.agent.seen if "Authorization" in seen.headers]
    assert stand.engine.seen == []


@pytest.mark.parametrize(
    "path", ["/agent/", "/agent/stop", "/agent/input/a.png", "/agent/inputs", "/agent//results", "//agent/x"]
)
async def test_below_agent_there_is_nothing_else(stand: Stand, path: str) -> None:
    assert await stand.raw("GET", path) == 404
    assert stand.engine.seen == stand.agent.seen == []


async def test_what_is_not_there_is_a_problem_document(stand: Stand) -> None:
    async with stand.session() as session, session.get("/agent/stop") as answer:
        assert await answer.read() == problem(404, "not_found", "This machine has nothing under that address.").body
        assert answer.content_type == "application/problem+json"


@pytest.mark.parametrize("path", ["/upload", "/api/upload", "/prompts", "/agents", "/api/agent/x"])
async def test_paths_that_only_look_like_ours_are_the_engines(stand: Stand, path: str) -> None:
    assert await stand.raw("GET", path) == 200
    assert [seen.path for seen in stand.engine.seen] == [path]


async def test_an_agent_that_is_not_there_yet_is_told_apart() -> None:
    async with standing() as stand:
        stand.guard.paths.agent_socket.unlink()
        for path in ("/agent", "/agent/results/p1"):
            status, _, answer = await stand.ask("GET", path)
            assert (status, answer["code"]) == (502, "agent_unreachable")
        assert (await stand.ask("PUT", "/agent/inputs/a.png", data=b"x"))[2]["code"] == "agent_unreachable"


async def test_an_engine_that_is_not_there_yet_is_a_sentence_on_every_way_to_it() -> None:
    async with standing() as stand:
        conf = stand.guard.paths.prompt_socket.with_name("engine.conf")
        conf.write_text("upstream engine { server 127.0.0.1:1; }\n", encoding="utf-8")
        stand.guard.stop()
        await stand.guard.start()
        for method, path in [("GET", "/system_stats"), ("POST", "/prompt"), ("POST", "/upload/image"), ("GET", "/ws")]:
            status, headers, answer = await stand.ask(method, path)
            assert (status, answer["code"]) == (502, "engine_unreachable"), path
            assert headers["Content-Type"] == "application/problem+json"


async def test_statuses_of_engine_and_agent_pass_as_they_are(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(*_: object) -> aiohttp.web.Response:
        return aiohttp.web.json_response({"of": "theirs"}, status=503)

    monkeypatch.setattr("tests.unit.cloud_image.guard.conftest.Backend._answer", refuse)
    async with standing() as other:
        for path in ("/system_stats", "/agent/results/p1", "/prompt"):
            assert (await other.ask("POST", path))[::2] == (503, {"of": "theirs"})


async def test_sockets_pass_both_ways_and_stay_open(stand: Stand) -> None:
    async with stand.session() as session, session.ws_connect("/ws?clientId=a", heartbeat=0.1, max_msg_size=0) as socket:
        large = b"\x01" * (1 << 21)
        for _ in range(3):
            await socket.send_str("text")
            await socket.send_bytes(large)
            assert (await socket.receive_str(timeout=DEADLINE), await socket.receive_bytes(timeout=DEADLINE)) == ("text", large)
            await asyncio.sleep(0.15)  # longer than a heartbeat: a ping that was not answered would have closed it
    assert stand.engine.seen[0].path == "/ws?clientId=a"


async def test_a_service_may_have_many_sockets(stand: Stand) -> None:
    async with stand.session() as session:
        sockets = await asyncio.gather(*(session.ws_connect(f"/ws?clientId={number}") for number in range(200)))
        await sockets[-1].send_str("still there")
        assert await sockets[-1].receive_str(timeout=DEADLINE) == "still there"
        await asyncio.gather(*(socket.close() for socket in sockets))


async def test_the_certificate_is_the_one_whose_fingerprint_is_published(stand: Stand) -> None:
    assert (await stand.ask("GET", "/queue"))[0] == 200
    pin = aiohttp.Fingerprint(bytes(32))
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ServerFingerprintMismatch):
            await session.get(f"{stand.guard.url}/queue", ssl=pin)


async def test_old_versions_of_tls_are_not_spoken(stand: Stand) -> None:
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    old.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning):
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(ssl.SSLError):
        await asyncio.open_connection("127.0.0.1", stand.guard.port, ssl=old)


async def test_a_guard_that_was_killed_can_start_again(stand: Stand) -> None:
    stand.guard.kill()
    assert stand.guard.paths.prompt_socket.exists()
    await stand.guard.start()
    assert (await stand.ask("POST", "/prompt", json={}))[0] == 200


async def test_the_log_of_activity_says_what_artists_did_and_nothing_of_what_it_was(stand: Stand) -> None:
    calls = [
        ("POST", "/prompt?secret=1", TOKEN),
        ("POST", "/api/upload/image", TOKEN),
        ("PUT", "/agent/inputs/secret.png", TOKEN),
        ("POST", "/interrupt", TOKEN),
        ("GET", "/queue", TOKEN),
        ("POST", "/free", TOKEN),
        ("POST", "/api/history", TOKEN),
        ("POST", "/prompt", "another"),
        ("PUT", "/agent/inputs/x", None),
    ]
    for method, path, token in calls:
        await stand.ask(method, path, token=token, data=b"secret")
    lines = stand.guard.paths.activity_log.read_text(encoding="utf-8").splitlines()
    assert [line.split()[1:] for line in lines] == [
        ["POST", "prompt", "200"],
        ["POST", "upload", "200"],
        ["PUT", "upload", "200"],
        ["POST", "other", "200"],
    ]


async def test_the_token_is_in_no_file_and_no_log(stand: Stand) -> None:
    for token in (TOKEN, f"{TOKEN}x"):
        await stand.ask("POST", "/prompt", token=token, json={})
    stand.engine.release.set()
    files = [path for path in stand.guard.paths.root.rglob("*") if path.is_file()]
    assert {stand.guard.log, stand.guard.paths.activity_log} <= set(files)
    assert [path for path in files if TOKEN.encode() in path.read_bytes()] == []
    assert TOKEN not in " ".join(psutil.Process(stand.guard.pid).cmdline())

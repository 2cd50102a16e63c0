"""Who may come in, over which connection, and speaking which version."""

from __future__ import annotations

import asyncio

import pytest
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from tests.service.house import TEXT, House
from tests.support.asgi import Caller, Denied
from wake_service.accounts import tokens
from wake_service.accounts.tokens import BELIEVED_SECONDS, Scope
from wake_service.api.events import POLICY_VIOLATION, RECHECK_SECONDS

PROTECTED = [
    ("GET", "/v1/me"),
    ("HEAD", f"/v1/blobs/{'a' * 64}"),
    ("PUT", f"/v1/blobs/{'a' * 64}"),
    ("POST", "/v1/generate"),
    ("GET", "/v1/jobs"),
    ("GET", "/v1/jobs/x"),
    ("DELETE", "/v1/jobs/x"),
    ("GET", "/v1/jobs/x/results/0"),
    ("POST", "/v1/wake"),
    ("GET", "/v1/machines"),
    ("GET", "/v1/costs"),
    ("GET", "/v1/styles"),
    ("GET", "/v1/models"),
    ("GET", "/v1/events"),
]
PAINTING = [call for call in PROTECTED if call[0] in ("HEAD", "PUT", "POST", "DELETE")]


@pytest.mark.parametrize(("method", "path"), PROTECTED)
async def test_nobody_comes_in_without_a_token(house: House, method: str, path: str) -> None:
    answer = await house.anybody.ask(method, path)
    assert (answer.status, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert answer.code == "not_authenticated"
    assert answer.json["title"] and answer.json["hint"]


@pytest.mark.parametrize("header", ["Bearer wrong", "Bearer", "Basic bWlyYTpzZWNyZXQ=", "wb_something", "Bearer  "])
async def test_a_wrong_token_is_refused(house: House, header: str) -> None:
    answer = await house.anybody.ask("GET", "/v1/me", headers={"Authorization": header})
    assert (answer.status, answer.code) == (401, "not_authenticated")


async def test_an_expired_token_is_refused(house: House) -> None:
    guest = await house.token(days=1)
    assert (await guest.ask("GET", "/v1/me")).status == 200
    await house.clock.advance(86400)
    assert (await guest.ask("GET", "/v1/me")).code == "not_authenticated"


async def test_a_revoked_token_is_refused(house: House) -> None:
    assert (await (await house.token(revoked=True)).ask("GET", "/v1/me")).code == "not_authenticated"


@pytest.mark.parametrize(("method", "path"), PROTECTED)
async def test_a_token_for_looking_may_only_look(house: House, method: str, path: str) -> None:
    answer = await (await house.token(Scope.READ)).ask(method, path, json=TEXT)
    if (method, path) in PAINTING:
        assert (answer.status, answer.code) == (403, "not_allowed")
    else:
        assert answer.status in (200, 404)


@pytest.mark.parametrize("host", ["203.0.113.7", "10.0.0.2", "2001:db8::1", "testclient", None])
@pytest.mark.parametrize(("method", "path"), [("GET", "/v1/me"), ("POST", "/v1/wake")])
async def test_a_token_over_plain_http_from_another_computer_is_refused(
    house: House, host: str | None, method: str, path: str
) -> None:
    answer = await house.mira.at(host).ask(method, path)
    assert (answer.status, answer.code) == (403, "tls_required")
    assert "https" in answer.json["hint"]


@pytest.mark.parametrize(
    ("host", "scheme"), [("127.0.0.1", "http"), ("127.9.9.9", "http"), ("::1", "http"), ("203.0.113.7", "https")]
)
async def test_loopback_and_https_are_fine(house: House, host: str, scheme: str) -> None:
    assert (await house.mira.at(host, scheme).ask("GET", "/v1/me")).status == 200


async def test_a_proxy_on_this_computer_that_speaks_https_is_believed_and_nobody_else(house: House) -> None:
    app = ProxyHeadersMiddleware(house.app, trusted_hosts=house.service.settings.trusted_proxies)
    forwarded = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.7"}
    proxy, stranger = Caller(app, house.mira.token), Caller(app, house.mira.token, client=("203.0.113.9", 1))
    assert (await proxy.ask("GET", "/v1/me", headers=forwarded)).status == 200
    assert (await proxy.ask("GET", "/v1/me", headers={"X-Forwarded-For": "203.0.113.7"})).code == "tls_required"
    assert (await stranger.ask("GET", "/v1/me", headers=forwarded)).code == "tls_required"


@pytest.mark.parametrize(
    ("client", "code"),
    [("krita-wakebrush/0.0.1; api=0", "client_too_old"), ("krita-wakebrush/9.0.0; api=2", "client_too_new")],
)
async def test_a_client_of_another_version_learns_what_to_install(house: House, client: str, code: str) -> None:
    answer = await house.mira.ask("GET", "/v1/me", headers={"Wakebrush-Client": client})
    assert (answer.status, answer.code) == (426, code)
    assert "nstall" in answer.json["hint"]


@pytest.mark.parametrize("client", ["krita-wakebrush/0.1.0; api=1", "something else", "", "x; api=one"])
async def test_the_present_version_and_those_who_say_none_are_served(house: House, client: str) -> None:
    assert (await house.mira.ask("GET", "/v1/me", headers={"Wakebrush-Client": client})).status == 200


@pytest.mark.parametrize("path", ["/healthz", "/v1/me", "/v1/nothing", "/nothing"])
async def test_every_answer_says_which_versions_are_spoken(house: House, path: str) -> None:
    assert (await house.anybody.ask("GET", path)).headers["wakebrush-service"].endswith("; api=1-1")


async def test_health_needs_no_token_and_no_protection(house: House) -> None:
    answer = await house.anybody.at("203.0.113.7").ask("GET", "/healthz")
    assert (answer.status, answer.json["service"], answer.json["api"]) == (200, "wakebrush", {"min": 1, "max": 1})


@pytest.mark.parametrize(
    ("token", "host", "status"), [(None, "127.0.0.1", 401), ("wrong", "127.0.0.1", 401), ("", "10.0.0.2", 403)]
)
async def test_a_stream_is_refused_before_the_upgrade(house: House, token: str | None, host: str, status: int) -> None:
    caller = Caller(house.app, house.mira.token if token == "" else token, client=(host, 1))
    with pytest.raises(Denied) as denied:
        await caller.connect()
    assert denied.value.answer.status == status
    assert denied.value.answer.code in ("not_authenticated", "tls_required")


async def test_a_stream_ends_when_its_token_is_revoked(house: House) -> None:
    guest = await house.token()
    stream = await guest.connect()
    await stream.until_type("snapshot")
    await house.service.store.write(
        lambda tx: [tokens.revoke(tx, row.id, 0.0) for row in tokens.listing(tx.conn)]  # everybody's
    )
    closed = asyncio.create_task(stream.until_closed())
    for _ in range(20):
        await house.clock.advance((RECHECK_SECONDS + BELIEVED_SECONDS) / 10)
        await asyncio.sleep(0.01)
    assert await closed == POLICY_VIOLATION
    await stream.close()

"""Pairing, changing between services, and a newer plugin, as the session does them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from wakebrush.client import private_file
from wakebrush.client.errors import ServiceError
from wakebrush.client.pairing import read_invitation
from wakebrush.client.profiles import CENTRAL, Profile
from wakebrush.client.store import MemoryStore
from wakebrush.session import Session
from wakebrush.session.words import Notice

from .fake_service import TOKEN, FakeService
from .test_updates import GOOD, zipped

NewSession = Callable[..., Session]


def paired(service: FakeService, **changes: Any) -> None:
    """The service takes any code."""
    told = {"token": TOKEN, "artist": {"id": "a", "name": "Mira"}, "team": {"name": "Film"}, "endpoint": service.endpoint}
    service.public["/v1/pair"] = json.dumps({**told, **changes}).encode()


@pytest.mark.parametrize(
    ("text", "endpoint", "code"),
    [
        ("https://studio.example/invite#ABCD-EFGH", "https://studio.example", "ABCD-EFGH"),
        (" https://studio.example/paint/invite/#abcdefgh\n", "https://studio.example/paint", "abcdefgh"),
        ("studio.example/invite#ABCD-EFGH", "https://studio.example", "ABCD-EFGH"),
        ("127.0.0.1:7717/invite#ABCD-EFGH", "http://127.0.0.1:7717", "ABCD-EFGH"),
        ("abcd efgh", "", "abcd efgh"),
        ("ABCDEFGH", "", "ABCDEFGH"),
    ],
)
def test_an_invitation_is_understood_as_a_link_or_a_code(text: str, endpoint: str, code: str) -> None:
    found = read_invitation(text)
    assert (found.endpoint, found.code) == (endpoint, code)
    assert code not in repr(found)


@pytest.mark.parametrize(
    "text", ["", "hello", "https://studio.example", "#ABCD-EFGH", "https://studio.example/#", "ABCD-EFGHI", "wb_abcdefgh"]
)
def test_what_is_no_invitation_says_what_one_looks_like(text: str) -> None:
    with pytest.raises(ServiceError) as refused:
        read_invitation(text)
    assert "ABCD-EFGH" in refused.value.hint


def test_an_insecure_link_is_refused() -> None:
    with pytest.raises(ServiceError) as refused:
        read_invitation("http://studio.example/invite#ABCD-EFGH")
    assert refused.value.code == "tls_required"


def test_pasting_a_link_pairs_and_connects(new_session: NewSession, service: FakeService, qtbot: QtBot, tmp_path: Path) -> None:
    paired(service)
    session, told = new_session(), []
    session.connecting.pair(f"{service.endpoint}/invite#ABCD-EFGH", "", told.append, told.append)
    qtbot.waitUntil(lambda: session.connected, timeout=5000)
    assert (told[0].artist, told[0].team, told[0].name) == ("Mira", "Film", "Film")
    asked = json.loads(service.came[0])
    assert asked["code"] == "ABCD-EFGH" and asked["computer"]
    assert session.notice is None
    again = new_session()
    qtbot.waitUntil(lambda: again.connected, timeout=5000)


def test_a_code_goes_to_the_address_beside_it(new_session: NewSession, service: FakeService, qtbot: QtBot) -> None:
    paired(service, endpoint="http://inner.example")
    session, told = new_session(), []
    session.connecting.pair("abcd efgh", service.endpoint, told.append, told.append)
    qtbot.waitUntil(lambda: session.connected, timeout=5000)
    assert told[0].endpoint == service.endpoint, "an address that a token may not be sent to is not believed"


def test_a_code_alone_goes_to_the_service_in_use(new_session: NewSession, service: FakeService, qtbot: QtBot) -> None:
    paired(service)
    store = MemoryStore({"endpoint": service.endpoint, "token": "ended"})
    session, told = new_session(store=store), []
    qtbot.waitUntil(lambda: session.notice is not None and session.notice.action == "connect", timeout=5000)
    session.connecting.pair("ABCD-EFGH", "", told.append, told.append)
    qtbot.waitUntil(lambda: session.connected, timeout=5000)
    assert session.notice is None, "what was mended is not complained of any more"


def test_a_code_without_any_address_asks_for_one(new_session: NewSession) -> None:
    told: list[Any] = []
    new_session().connecting.pair("ABCD-EFGH", "", told.append, told.append)
    assert told[0].code == "no_service"


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (403, {"status": 403, "code": "invitation_invalid", "title": "Not good any more.", "hint": ""}, "Not good any more."),
        (404, {"status": 404, "code": "not_found", "title": "Nothing here."}, "does not know pairing"),
        (200, {"hello": "world"}, "something else than a pairing"),
        (200, ["x"], "something else than a pairing"),
    ],
)  # fmt: skip
def test_a_pairing_that_fails_says_why_and_changes_nothing(
    new_session: NewSession, service: FakeService, qtbot: QtBot, status: int, body: Any, said: str
) -> None:
    service.refuse = lambda method, path: (status, body) if path == "/v1/pair" else None
    session, told = new_session(), []
    session.connecting.pair(f"{service.endpoint}/invite#ABCD-EFGH", "", told.append, told.append)
    qtbot.waitUntil(lambda: bool(told), timeout=5000)
    assert said in str(told[0])
    assert [each.id for each in session.connecting.profiles.all] == ["local"]


def test_a_disk_that_does_not_take_the_pairing_is_told(
    new_session: NewSession, service: FakeService, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    paired(service)
    session, told = new_session(), []

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(private_file.os, "fsync", full)
    session.notice = None
    session.connecting.pair(f"{service.endpoint}/invite#ABCD-EFGH", "", told.append, told.append)
    qtbot.waitUntil(lambda: session.notice is not None and "No space" in session.notice.title, timeout=5000)
    assert not told


def test_changing_to_another_service_connects_there(new_session: NewSession, service: FakeService, qtbot: QtBot) -> None:
    with FakeService() as other:
        session = new_session()
        session.connecting.add(Profile("", "First", service.endpoint, TOKEN))
        qtbot.waitUntil(lambda: session.connected, timeout=5000)
        session.connecting.add(Profile("", "Second", other.endpoint, TOKEN))
        qtbot.waitUntil(lambda: bool(other.positions) and session.connected, timeout=5000)
        first = session.connecting.profiles.all[0]
        session.connecting.change(first.id, name="Renamed")
        heard = len(service.positions)
        session.connecting.use(first.id)
        qtbot.waitUntil(lambda: len(service.positions) > heard and session.connected, timeout=5000)
        session.connecting.remove(first.id)
        qtbot.waitUntil(lambda: session.connecting.profiles.active.name == "Second" and session.connected, timeout=5000)


def studio(tmp_path: Path, **told: Any) -> dict[str, str]:
    file = tmp_path / "wakebrush.json"
    file.write_text(json.dumps(told), encoding="utf-8")
    return {"WAKEBRUSH_CONFIG": str(file)}


def test_an_unattended_krita_pairs_itself_with_the_studios_invitation(
    new_session: NewSession, service: FakeService, qtbot: QtBot, tmp_path: Path
) -> None:
    paired(service)
    environ = studio(tmp_path, endpoint=service.endpoint, name="Film", invitation=f"{service.endpoint}/invite#ABCD-EFGH")
    session = new_session(environ=environ)
    qtbot.waitUntil(lambda: session.connected, timeout=5000)
    assert session.connecting.profiles.active.id == CENTRAL and len(service.came) == 1
    again = new_session(environ=environ)
    qtbot.waitUntil(lambda: again.connected, timeout=5000)
    assert len(service.came) == 1, "an invitation is used once"


@pytest.mark.parametrize("invitation", ["ABCD-EFGH", "not one"])
def test_an_invitation_of_the_studio_that_is_not_good_is_told_once(
    new_session: NewSession, service: FakeService, qtbot: QtBot, tmp_path: Path, invitation: str
) -> None:
    gone = {"status": 403, "code": "invitation_invalid", "title": "Not good any more.", "hint": "Ask again."}
    service.refuse = lambda method, path: (403, gone) if path == "/v1/pair" else None
    session = new_session(environ=studio(tmp_path, endpoint=service.endpoint, invitation=invitation))
    said = "Not good any more." if invitation == "ABCD-EFGH" else "This is not an invitation."
    qtbot.waitUntil(lambda: session.notice is not None and session.notice.title == said, timeout=5000)
    assert not session.connecting.enrol()


def test_what_is_wrong_in_the_studios_settings_is_told(new_session: NewSession, tmp_path: Path, qtbot: QtBot) -> None:
    session = new_session(environ=studio(tmp_path, endpiont="https://studio.example"))
    assert session.notice is not None and "endpiont" in session.notice.title


def test_the_studios_defaults_hold_until_she_chooses_otherwise(new_session: NewSession, tmp_path: Path) -> None:
    environ = studio(tmp_path, defaults={"strength": 40, "gather": "much", "nonsense": 1})
    store = MemoryStore()
    session = new_session(environ=environ, store=store)
    assert (session.settings.strength, session.settings.gather) == (40, False)
    session.settings.strength = 55
    session.settings.save()
    assert new_session(environ=environ, store=store).settings.strength == 55


@pytest.fixture
def pykrita(tmp_path: Path) -> Path:
    """Krita's folder of plugins as it is after an import of the zip."""
    (tmp_path / "pykrita" / "wakebrush" / "_vendor").mkdir(parents=True)
    return tmp_path / "pykrita"


def offered(service: FakeService, version: str = "0.2.0") -> None:
    content, _ = zipped({**GOOD, "wakebrush/version.py": f'VERSION = "{version}"\n'})
    place = f"/plugin/wakebrush-krita-{version}.zip"
    told = {"version": version, "url": place, "sha256": hashlib.sha256(content).hexdigest(), "api": 1}
    service.public.update({"/v1/plugin": json.dumps(told).encode(), place: content})


def titles(session: Session) -> list[str]:
    """Collects what is told from now on."""
    told: list[str] = []
    session.connecting.told.connect(lambda notice: told.append(notice.title))
    return told


def test_a_newer_plugin_is_told_once_and_installed_for_the_next_start(
    new_session: NewSession, service: FakeService, qtbot: QtBot, pykrita: Path
) -> None:
    offered(service)
    session = new_session(service)
    session.connecting._home = pykrita
    told = titles(session)
    qtbot.waitUntil(lambda: session.connected, timeout=5000)
    session.connecting.look_for_update()
    qtbot.waitUntil(lambda: session.notice is not None, timeout=5000)
    assert session.notice == Notice(
        "Version 0.2.0 of the plugin is ready.",
        "It takes a moment to install, and is used when Krita starts the next time.",
        "update",
        good=True,
    )
    assert session.connecting.offer is not None and not list(pykrita.glob(".*"))
    session.connecting.look_for_update()
    session.connecting.install_update()
    qtbot.waitUntil(lambda: session.connecting.offer is None, timeout=5000)
    assert told == ["Version 0.2.0 of the plugin is ready.", "Version 0.2.0 of the plugin is installed."]
    assert (pykrita / ".wakebrush-next" / "wakebrush" / "version.py").is_file()


@pytest.mark.parametrize("why", ["same version", "from a checkout", "the studio says no"])
def test_a_plugin_that_must_not_be_replaced_is_not_offered(
    new_session: NewSession, service: FakeService, qtbot: QtBot, pykrita: Path, tmp_path: Path, why: str
) -> None:
    offered(service, "0.1.0" if why == "same version" else "0.2.0")
    if why == "from a checkout":
        (pykrita / "wakebrush" / "_vendor").rmdir()
    session = new_session(service, environ=studio(tmp_path, updates=False) if why == "the studio says no" else {})
    session.connecting._home = pykrita
    qtbot.waitUntil(lambda: session.connected, timeout=5000)
    done: list[object] = []
    session.connecting.look_for_update()
    session.connecting._lanes.run("update", lambda: None, done.append)
    qtbot.waitUntil(lambda: bool(done), timeout=5000)
    assert session.connecting.offer is None and session.notice is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"/plugin/wakebrush-krita-0.2.0.zip": b"damaged"}, "damaged"),
        ({"/v1/plugin": b"{}"}, "no plugin that can be used"),
        ({"/v1/plugin": None}, "no longer paired"),
    ],
)
def test_a_plugin_that_cannot_be_installed_says_why(
    new_session: NewSession, service: FakeService, qtbot: QtBot, pykrita: Path, change: dict[str, bytes | None], said: str
) -> None:
    offered(service)
    session = new_session(service)
    session.connecting._home = pykrita
    qtbot.waitUntil(lambda: session.connected, timeout=5000)
    for path, content in change.items():
        service.public.pop(path)
        if content is not None:
            service.public[path] = content
    service.token = "another"
    told = titles(session)
    session.connecting.install_update()
    qtbot.waitUntil(lambda: any(said in each for each in told), timeout=5000)
    assert not list(pykrita.glob(".*"))


def test_a_plugin_that_is_too_old_can_fetch_the_new_one(
    new_session: NewSession, service: FakeService, qtbot: QtBot, pykrita: Path
) -> None:
    offered(service)
    service.headers = {"Wakebrush-Service": "9.0.0; api=2-3"}
    session = new_session(service)
    session.connecting._home = pykrita
    qtbot.waitUntil(lambda: session.notice is not None, timeout=5000)
    assert session.notice is not None and session.notice.action == "update" and "too old" in session.notice.title
    told = titles(session)
    session.connecting.install_update()
    qtbot.waitUntil(lambda: "Version 0.2.0 of the plugin is installed." in told, timeout=5000)


def test_what_is_larger_than_any_plugin_is_not_read_to_its_end(service: FakeService) -> None:
    from wakebrush.client.config import Connection
    from wakebrush.client.service import Service

    service.public["/plugin/x.zip"] = b"x" * 1000
    line = Service(Connection(service.endpoint, TOKEN, "settings"))
    assert len(line.plugin_file("/plugin/x.zip", 1000)) == 1000
    with pytest.raises(ServiceError):
        line.plugin_file("/plugin/x.zip", 999)


def test_a_picture_that_one_service_paints_is_not_told_to_another_and_comes_when_she_is_back(
    new_session: NewSession, service: FakeService, qtbot: QtBot, picture: bytes
) -> None:
    with FakeService() as other:
        session = new_session()
        first = session.connecting.profiles.add(Profile("", "First", service.endpoint, TOKEN))
        session.reconnect()
        qtbot.waitUntil(lambda: session.connected, timeout=5000)
        session.settings.prompt = "a secret of the first studio"
        session.generate()
        qtbot.waitUntil(lambda: any(each.job_id for each in session.work.pictures.values()), timeout=5000)
        (job,) = service.jobs
        session.connecting.add(Profile("", "Second", other.endpoint, TOKEN))
        qtbot.waitUntil(lambda: bool(other.positions) and session.connected, timeout=5000)
        session.work.online()
        session.settings.prompt = "for the second"
        session.generate()
        qtbot.waitUntil(lambda: len(other.jobs) == 1, timeout=5000)
        assert "secret" not in str(other.jobs) and ("GET", f"/v1/jobs/{job}") not in other.calls
        service.finish(job, picture)
        session.connecting.use(first.id)
        qtbot.waitUntil(lambda: [each.prompt for each in session.results.items] == ["a secret of the first studio"], timeout=5000)


def test_what_is_let_go_of_elsewhere_is_let_go_of_there(new_session: NewSession, service: FakeService, qtbot: QtBot) -> None:
    with FakeService() as other:
        session = new_session()
        first = session.connecting.profiles.add(Profile("", "First", service.endpoint, TOKEN))
        session.reconnect()
        qtbot.waitUntil(lambda: session.connected, timeout=5000)
        session.settings.prompt = "x"
        session.generate()
        qtbot.waitUntil(lambda: any(each.job_id for each in session.work.pictures.values()), timeout=5000)
        (job,) = service.jobs
        session.connecting.add(Profile("", "Second", other.endpoint, TOKEN))
        qtbot.waitUntil(lambda: bool(other.positions) and session.connected, timeout=5000)
        (waiting,) = session.work.pictures.values()
        session.work.cancel(waiting)
        assert ("DELETE", f"/v1/jobs/{job}") not in other.calls and not waiting.shown
        session.connecting.use(first.id)
        qtbot.waitUntil(lambda: service.jobs[job]["state"] == "cancelled", timeout=5000)
        qtbot.waitUntil(lambda: not session.work.pictures, timeout=5000)

"""The calls: what is sent, what is answered, and every refusal as a sentence."""

from __future__ import annotations

import hashlib
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from wakebrush.client.config import Connection
from wakebrush.client.errors import Incompatible, Problem, Refused, ServiceError, Stopped, Unreachable
from wakebrush.client.model import Money
from wakebrush.client.service import Service, check_version, is_lasting

from .fake_service import TOKEN, FakeService, machine


@pytest.fixture
def client(service: FakeService) -> Iterator[Service]:
    speaking = Service(Connection(service.endpoint, TOKEN, "settings"))
    yield speaking
    speaking.close()


@pytest.fixture
def silent() -> Iterator[str]:
    """The address of something that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


def request(**changes: object) -> dict[str, object]:
    return {
        "mode": "text_to_image",
        "prompt": "x",
        "style": "practice-gouache",
        "width": 512,
        "height": 512,
        "count": 1,
        **changes,
    }


def test_what_the_service_tells_is_read(client: Service) -> None:
    me, styles, machines = client.me(), client.styles(), client.machines()
    assert (me.artist, me.team, me.limits.max_count) == ("Mira", "Studio", 10)
    assert me.budget is not None and me.budget.spent.amount == 3.1
    assert [(style.name, style.available) for style in styles] == [("practice-gouache", True), ("flux-ink", False)]
    assert machines[0].practice and machines[0].awake


def test_a_picture_that_the_service_has_is_not_sent_again(client: Service, service: FakeService) -> None:
    sha = hashlib.sha256(b"picture").hexdigest()
    client.upload(sha, b"picture")
    client.upload(sha, b"picture")
    assert [method for method, path in service.calls if "/blobs/" in path] == ["HEAD", "PUT", "HEAD"]


def test_the_same_key_gives_the_same_job(client: Service, service: FakeService) -> None:
    first, price = client.generate(request(), "key")
    second, _ = client.generate(request(), "key")
    assert first.id == second.id and len(service.jobs) == 1
    assert price.includes_wake and price.estimate is not None and price.estimate.amount == 0.55


def test_a_wake_answers_the_machine_and_what_it_costs(client: Service) -> None:
    woken, price = client.wake()
    assert woken is not None and woken.id == "practice"
    assert price.includes_wake


def test_cancelling_answers_the_job_as_it_is_now(client: Service) -> None:
    job, _ = client.generate(request(), "key")
    assert client.cancel(job.id).job.state == "cancelled"
    assert client.job(job.id).state == "cancelled"


def test_cancelling_while_the_machine_wakes_says_whether_it_goes_back_to_sleep(client: Service, service: FakeService) -> None:
    service.machines = [machine("waking")]
    first, second = (client.generate(request(), key)[0] for key in ("a", "b"))
    assert client.cancel(first.id).machine_sleeps is False
    assert client.cancel(second.id).machine_sleeps is True


def test_all_her_jobs_can_be_listed_and_let_go_of_at_once(client: Service, service: FakeService) -> None:
    for key in ("a", "b"):
        client.generate(request(group="one press"), key)
    assert [job.group for job in client.jobs()] == ["one press"] * 2
    gone = client.cancel_all()
    assert (gone.cancelled, gone.machine_sleeps) == (2, None) and client.jobs() == []
    assert service.bodies[-1] == ("/v1/jobs", "mine")


def test_a_job_can_be_put_in_front_of_her_others(client: Service) -> None:
    _, second = (client.generate(request(), key)[0] for key in ("a", "b"))
    assert client.front(second.id).ahead == 0


def test_a_price_comes_in_parts(client: Service, service: FakeService) -> None:
    awake = client.price(request(count=2))
    assert awake.price.estimate == Money(0.006) and not awake.price.includes_wake and awake.eta_seconds == 12.0
    service.machines = [machine("asleep")]
    asleep = client.price(request())
    assert asleep.price.includes_wake and (asleep.wake, asleep.idle) == (Money(0.02), Money(0.48))


def test_what_is_gathered_waits_until_it_is_released(client: Service) -> None:
    job, _ = client.generate(request(gather=True, count=3), "a")
    assert job.waiting_for == "gathered"
    assert client.price({"gathered": True}).pictures == Money(0.009)
    released, price = client.release_gathered()
    assert [each.id for each in released] == [job.id] and price.estimate == Money(0.009)


def test_a_machine_is_kept_awake_and_let_go(client: Service) -> None:
    held = client.hold("practice", 3600)
    assert held.price.estimate == Money(1.006) and held.machine.held_by == "Mira" and held.until == held.machine.held_until
    assert client.let_go("practice").held_until is None


def test_models_come_with_their_licence_and_what_can_be_sampled(client: Service) -> None:
    models, style = client.models(), client.styles()[0]
    assert models.of("checkpoints") == ("practice-sd15.safetensors",)
    licence = models.licence("practice-sd15.safetensors")
    assert licence is not None and (licence.name, licence.commercial) == ("openrail", "ask")
    assert models.samplers == ("euler", "dpmpp_2m") and models.schedulers == ("normal", "karras")
    assert (style.checkpoint, style.sampler, style.scheduler) == ("practice-sd15.safetensors", "dpmpp_2m", "karras")
    assert (style.steps, style.cfg, style.loras[0].strength) == (12, 7.0, 1.0)
    assert style.licence is not None and style.licence.commercial == "ask"
    assert client.styles()[1].licence is None


def test_a_gathered_job_says_so_until_it_is_released(client: Service) -> None:
    job, _ = client.generate(request(gather=True, group="press"), "one")
    assert (job.gathered, job.group, job.front) == (True, "press", False)
    client.release_gathered()
    assert not client.job(job.id).gathered


def test_a_picture_that_arrives_damaged_is_not_taken(client: Service, service: FakeService) -> None:
    job, _ = client.generate(request(), "key")
    service.results[job.id, 0] = b"torn"
    with pytest.raises(Unreachable):
        client.result(job.id, 0, hashlib.sha256(b"whole").hexdigest())


def test_a_refusal_carries_the_services_own_sentences(client: Service, service: FakeService) -> None:
    problem = {
        "status": 402,
        "code": "budget_exhausted",
        "title": "The month is used up.",
        "hint": "Ask your admin.",
        "team": "Studio",
    }
    service.refuse = lambda method, path: (402, problem) if path == "/v1/generate" else None
    with pytest.raises(Problem) as raised:
        client.generate(request(), "key")
    said = raised.value
    assert (said.code, said.title, said.hint, said.extra) == (
        "budget_exhausted",
        "The month is used up.",
        "Ask your admin.",
        {"team": "Studio"},
    )
    assert is_lasting(said)


def test_a_full_disk_of_the_service_is_worth_another_try(client: Service, service: FakeService) -> None:
    service.refuse = lambda method, path: (507, {"status": 507, "code": "storage_full", "title": "Full.", "hint": "Wait."})
    with pytest.raises(Problem) as raised:
        client.me()
    assert not is_lasting(raised.value)


def test_a_wrong_token_is_told_as_no_longer_paired(service: FakeService) -> None:
    with pytest.raises(Refused) as raised:
        Service(Connection(service.endpoint, "wrong", "settings")).me()
    assert raised.value.title == "This computer is no longer paired."


def test_something_else_that_answers_there_is_not_taken_for_the_service(client: Service, service: FakeService) -> None:
    service.refuse = lambda method, path: (404, "<html>router</html>")
    with pytest.raises(ServiceError) as raised:
        client.me()
    assert "address" in raised.value.hint


@pytest.mark.parametrize(
    ("code", "words"), [("client_too_old", "plugin is too old"), ("client_too_new", "too old for this plugin")]
)
def test_a_service_that_refuses_the_version_says_who_is_too_old(
    client: Service, service: FakeService, code: str, words: str
) -> None:
    service.refuse = lambda method, path: (426, {"status": 426, "code": code, "title": "No."})
    with pytest.raises(Incompatible) as raised:
        client.me()
    assert words in raised.value.title


@pytest.mark.parametrize(
    ("header", "fits"), [("9.0; api=1-3", True), ("9.0; api=2-3", False), ("0.0.1; api=0-0", False), ("odd", True), (None, True)]
)
def test_the_plugin_judges_the_services_version_too(header: str | None, fits: bool) -> None:
    if fits:
        check_version(header)
    else:
        with pytest.raises(Incompatible):
            check_version(header)


def test_nobody_there_is_told_with_the_address() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        endpoint = f"http://127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(Unreachable) as raised:
        Service(Connection(endpoint, "t", "settings")).me()
    assert endpoint in raised.value.title
    assert not is_lasting(raised.value)


def test_a_redirect_is_not_followed_with_the_token(client: Service, service: FakeService) -> None:
    service.headers["Location"] = "http://127.0.0.1:1/elsewhere"
    service.refuse = lambda method, path: (307, {})
    with pytest.raises(Problem):
        client.me()


def test_closing_ends_a_call_that_waits_for_an_answer(silent: str) -> None:
    client, raised = Service(Connection(silent, "t", "settings")), []

    def ask() -> None:
        try:
            client.me()
        except ServiceError as error:
            raised.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    deadline = time.monotonic() + 5
    while not client._sockets._open and time.monotonic() < deadline:
        time.sleep(0.005)
    client.close()
    thread.join(2)
    assert not thread.is_alive()
    assert isinstance(raised[0], Stopped)
    with pytest.raises(Stopped):
        client.me()

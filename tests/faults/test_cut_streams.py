"""Her event stream breaks. She comes back, says how far she got, misses nothing and hears nothing twice."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
import websocket

from tests.faults.follower import FINISHED, Follower
from tests.faults.proxy import Wire
from tests.support.artist import Artist
from tests.support.events import Envelope, EventReader

Start = Callable[..., Follower]


def wire_to(her: Follower) -> Wire:
    address = urlsplit(her.service.endpoint)
    return Wire((address.hostname or "", address.port or 0))


def test_a_stream_cut_in_the_middle_of_a_picture_resumes_where_it_broke(start: Start) -> None:
    her = start()
    job = her.artist.generate()
    her.until_type("job.running")
    her.cut()
    her.connect_again()
    her.until_finished(job)
    her.assert_delivered_once(job)


def test_a_stream_cut_after_every_event_misses_nothing(start: Start) -> None:
    her = start(practice_args="--step-seconds 0.02")
    job = her.artist.generate(count=4)
    ended = False
    while not ended:
        ended = her.until(lambda event: event["seq"] is not None)["type"] in FINISHED
        her.cut()
        her.connect_again()
    her.assert_delivered_once(job)


def test_an_event_published_while_she_is_away_waits_for_her(start: Start) -> None:
    her = start(practice_args="--step-seconds 0.02")
    her.cut()
    job = her.artist.generate()
    with her.artist.events() as other:
        other.until(lambda event: event["data"].get("job", event["data"]).get("state") == "succeeded" or _is_done(event, job))
    her.connect_again()
    her.until_finished(job)
    her.assert_delivered_once(job)


def _is_done(event: Envelope, job: dict[str, Any]) -> bool:
    known = event["data"].get("jobs", []) if event["type"] == "snapshot" else []
    return any(each["id"] == job["id"] and each["state"] == "succeeded" for each in known)


def test_a_wire_that_breaks_every_few_kilobytes_delivers_every_event_once(start: Start) -> None:
    her = start(practice_args="--step-seconds 0.02")
    heard: list[Envelope] = []
    with wire_to(her) as wire:
        with EventReader(wire.endpoint, her.service.token) as reader:
            snapshot = reader.next()
        stream, seq = snapshot["stream"], snapshot["data"]["seq"]
        wire.cut_every(6000)
        job = her.artist.generate(count=3)
        deadline = time.monotonic() + 60
        while not heard or heard[-1]["type"] not in FINISHED:
            assert time.monotonic() < deadline, [event["type"] for event in heard]
            _listen(EventReader(wire.endpoint, her.service.token, after=seq, stream=stream), heard)
            seq = heard[-1]["seq"] if heard else seq
        assert wire.cuts > 1
    her.until_finished(job)
    assert heard == [event for event in her.durable if event["seq"] <= heard[-1]["seq"]]
    her.assert_delivered_once(job)


def _listen(reader: EventReader, heard: list[Envelope]) -> None:
    """Keeps durable events until the wire breaks or the job has ended."""
    with reader:
        try:
            while not heard or heard[-1]["type"] not in FINISHED:
                event = reader.next()
                if event["seq"] is not None:
                    heard.append(event)
        except (websocket.WebSocketException, OSError):
            return


def test_a_long_poll_cut_again_and_again_misses_and_repeats_nothing(start: Start) -> None:
    her = start(practice_args="--step-seconds 0.05")
    heard: list[Envelope] = []
    with wire_to(her) as wire, Artist(wire.endpoint, her.service.token) as poller:
        first = poller.call("GET", "/v1/events")
        position = {"stream": first["stream"], "after": first["seq"]}
        job = her.artist.generate(count=3)
        for turn in range(1000):
            if heard and heard[-1]["type"] in FINISHED:
                break
            if turn % 3 == 1:
                wire.cut()
            try:
                answer = poller.call("GET", "/v1/events", params=position | {"wait": 10})
            except OSError:
                continue
            heard += answer["events"]
            position["after"] = answer["seq"]
    her.until_finished(job)
    assert heard == her.durable
    her.assert_delivered_once(job)


def test_a_position_of_another_stream_is_answered_with_a_snapshot_that_has_the_job(start: Start) -> None:
    her = start(practice_args="--step-seconds 0.02")
    job = her.artist.generate()
    her.until_finished(job)
    with her.artist.events(after=1, stream="another-life") as reader:
        snapshot = reader.next()
    assert snapshot["type"] == "snapshot"
    assert [(known["id"], known["state"]) for known in snapshot["data"]["jobs"]] == [(job["id"], "succeeded")]
    her.assert_delivered_once(job)


@pytest.mark.timeout(60)
def test_a_token_revoked_ends_its_stream_and_its_picture_is_kept_for_its_artist(start: Start) -> None:
    her = start()
    created = her.service.command("token", "create", "--name", "studio tablet")
    assert created.returncode == 0, created.stderr
    secret = created.stdout.strip()
    token_id = created.stderr.split()[1]
    tablet = her.service.artist(secret)
    with tablet.events() as stream:
        job = tablet.generate()
        stream.until_type("job.running")
        revoked = her.service.command("token", "revoke", token_id)
        assert revoked.returncode == 0, revoked.stderr
        with pytest.raises(ConnectionError, match="1008"):
            stream.until(lambda _event: False, 25)
    refused = tablet.ask("GET", f"/v1/jobs/{job['id']}")
    assert refused.status_code == 401
    assert refused.json()["code"] == "not_authenticated"
    her.until_finished(job)
    her.assert_delivered_once(job)

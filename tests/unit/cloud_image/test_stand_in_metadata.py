"""The stand-in for the metadata service keeps the rules of the real one, so that nothing passes here that fails there."""

from __future__ import annotations

import http.client
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.utils import InstanceMetadataFetcher

from cloud_image.metadata import Metadata
from tests.support.metadata import StandIn, State, serving

AGE = "X-aws-ec2-metadata-token-ttl-seconds"
SESSION = "X-aws-ec2-metadata-token"
TOKEN, PLACE = "/latest/api/token", "/latest/meta-data/instance-id"


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    with serving(State()) as stand_in:
        yield stand_in


def call(stand_in: StandIn, method: str, path: str, **headers: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", stand_in.server_address[1], timeout=5)
    try:
        connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def begin(stand_in: StandIn, seconds: int = 60) -> str:
    status, session = call(stand_in, "PUT", TOKEN, **{AGE: str(seconds)})
    assert status == 200
    return session


def test_nothing_is_said_without_a_session(stand_in: StandIn) -> None:
    assert call(stand_in, "GET", PLACE)[0] == 401
    assert call(stand_in, "GET", PLACE, **{SESSION: "made up"})[0] == 401
    assert call(stand_in, "GET", PLACE, **{SESSION: begin(stand_in)}) == (200, State().machine)


def test_a_session_ends_when_its_time_is_over(stand_in: StandIn) -> None:
    session = begin(stand_in, 60)
    stand_in.now = lambda: time.time() + 61
    assert call(stand_in, "GET", PLACE, **{SESSION: session})[0] == 401


@pytest.mark.parametrize("age", [None, "", "0", "21601", "long"])
def test_a_session_needs_a_length(stand_in: StandIn, age: str | None) -> None:
    assert call(stand_in, "PUT", TOKEN, **({} if age is None else {AGE: age}))[0] == 400


def test_no_session_is_given_through_a_proxy(stand_in: StandIn) -> None:
    assert call(stand_in, "PUT", TOKEN, **{AGE: "60", "X-Forwarded-For": "203.0.113.9"})[0] == 403


def test_awss_own_library_gets_credentials_from_it(stand_in: StandIn) -> None:
    fetcher = InstanceMetadataFetcher(
        timeout=5, num_attempts=1, base_url=stand_in.url, env={}, config={"ec2_metadata_service_endpoint": stand_in.url}
    )
    found = fetcher.retrieve_iam_role_credentials()
    assert (found["role_name"], found["access_key"]) == (State().role, State().access_key)


def test_as_a_process_it_says_what_is_in_its_file_now(tmp_path: Path) -> None:
    file = tmp_path / "state.json"
    State(tags={"wakebrush": "studio"}).write(file)
    command = [sys.executable, "-m", "tests.support.metadata", "--state", str(file)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        metadata = Metadata(process.stdout.readline().strip())
        assert (metadata.tag("wakebrush"), metadata.notice()) == ("studio", None)
        State(tags={"wakebrush": "other"}, interruption_at=1_795_600_120.0).write(file)
        notice = metadata.notice()
        assert metadata.tag("wakebrush") == "other" and notice is not None and notice.at == 1_795_600_120.0
    finally:
        process.terminate()
        process.communicate(timeout=10)

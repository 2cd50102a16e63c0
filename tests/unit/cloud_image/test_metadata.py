"""What a machine learns about itself from the cloud."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cloud_image.errors import MetadataError
from cloud_image.metadata import Identity, Metadata, Notice
from tests.support.metadata import StandIn, State, serving


@pytest.fixture
def state() -> State:
    return State(machine="i-0a1b", tags={"wakebrush": "studio", "wakebrush-pool": "large"})


@pytest.fixture
def stand_in(state: State) -> Iterator[StandIn]:
    with serving(state) as stand_in:
        yield stand_in


def test_a_machine_knows_who_it_is(stand_in: StandIn) -> None:
    identity = Metadata(stand_in.url).identity()
    assert identity == Identity("i-0a1b", "us-east-1", "g5.xlarge", "studio", "large", spot=False, account="123456789012")
    assert Identity.of_json(identity.as_json()) == identity


def test_a_machine_without_a_pools_tag_is_in_the_default_pool(stand_in: StandIn, state: State) -> None:
    state.tags = {}
    identity = Metadata(stand_in.url).identity()
    assert (identity.deployment, identity.pool) == ("", "default")


def test_a_spot_machine_knows_that_it_may_be_taken_back(stand_in: StandIn, state: State) -> None:
    state.spot = True
    assert Metadata(stand_in.url).identity().spot


def test_a_tag_is_read_as_it_is_now(stand_in: StandIn, state: State) -> None:
    metadata = Metadata(stand_in.url)
    assert metadata.tag("lease-until") is None
    state.tags["lease-until"] = "2026-11-26T20:00:00Z"
    assert metadata.tag("lease-until") == "2026-11-26T20:00:00Z"


def test_an_interruption_goes_before_advice_to_move(stand_in: StandIn, state: State) -> None:
    metadata = Metadata(stand_in.url)
    assert metadata.notice() is None
    state.rebalance_at = 1_795_600_000.0
    assert metadata.notice() == Notice("rebalance", 1_795_600_000.0)
    state.interruption_at = 1_795_600_120.0
    assert metadata.notice() == Notice("interruption", 1_795_600_120.0)


def test_one_session_serves_many_calls_and_a_new_one_is_begun_when_it_is_over(stand_in: StandIn) -> None:
    metadata = Metadata(stand_in.url)
    metadata.tag("a"), metadata.tag("b")
    assert [method for method, _ in stand_in.calls] == ["PUT", "GET", "GET"]
    stand_in.forget()
    assert metadata.tag("wakebrush") == "studio"
    assert [method for method, _ in stand_in.calls[3:]] == ["GET", "PUT", "GET"]


def test_a_service_that_does_not_answer_is_a_sentence() -> None:
    with pytest.raises(MetadataError, match="does not answer"):
        Metadata("http://127.0.0.1:1").identity()


def test_an_answer_that_is_no_good_is_a_sentence(stand_in: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    metadata = Metadata(stand_in.url)
    for answer, sentence in [("no JSON", "no JSON"), ("[]", "unexpected"), ("{}", "lacks “instanceId”")]:
        monkeypatch.setattr("tests.support.metadata.answer", lambda *_, answer=answer: answer)
        with pytest.raises(MetadataError, match=sentence):
            metadata.identity()


def test_a_moment_that_cannot_be_read_is_a_sentence(stand_in: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.support.metadata.answer", lambda *_: '{"time": "soon"}')
    with pytest.raises(MetadataError, match="soon"):
        Metadata(stand_in.url).notice()


def test_another_file_is_nobodys_identity() -> None:
    for text in ("", "{", "{}", '{"machine": 1, "colour": 2}'):
        with pytest.raises(ValueError):
            Identity.of_json(text)


def test_the_address_is_where_awss_own_tools_look(stand_in: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", stand_in.url)
    assert Metadata().identity().machine == "i-0a1b"

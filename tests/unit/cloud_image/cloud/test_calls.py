"""What a machine says to AWS about itself, and what it makes of AWS's answers."""

from __future__ import annotations

from pathlib import Path

import pytest

from cloud_image.cloud.calls import NoCloud
from cloud_image.cloud.ec2 import DIMENSION, FINGERPRINT, LEASE_UNTIL, METRIC, NAMESPACE, Ec2Calls
from cloud_image.errors import CloudError
from tests.unit.cloud_image.cloud.conftest import Machine
from wake_service.aws import tags, watchdog

FINGER = "ab" * 32


def test_names_are_those_that_the_service_reads() -> None:
    assert (FINGERPRINT, LEASE_UNTIL) == (tags.FINGERPRINT, tags.LEASE_UNTIL)
    assert (NAMESPACE, METRIC, DIMENSION) == (watchdog.NAMESPACE, watchdog.METRIC, watchdog.DIMENSION)


def test_the_token_of_this_wake_is_read_and_decrypted(machine: Machine) -> None:
    machine.write_token("the token of this wake\n")
    assert machine.calls.guard_token() == "the token of this wake"


def test_a_machine_that_nobody_started_for_the_service_has_no_token(machine: Machine) -> None:
    with pytest.raises(CloudError, match="There is no token for this machine") as refused:
        machine.calls.guard_token()
    assert refused.value.passing


def test_fingerprint_and_lease_are_tags_of_the_machine_itself(machine: Machine) -> None:
    machine.calls.publish_fingerprint(FINGER)
    machine.calls.renew_lease(1_795_600_000.9)
    found = machine.cloud.tags(machine.identity.machine)
    assert found[tags.FINGERPRINT] == FINGER
    assert tags.read_moment(found[tags.LEASE_UNTIL]) == 1_795_600_000.0


@pytest.mark.parametrize("busy", [True, False])
def test_the_alarm_hears_whether_there_is_work(machine: Machine, busy: bool) -> None:
    machine.calls.busy(busy)
    (call,) = machine.cloud.asked("PutMetricData")
    (report,) = call.arguments["MetricData"]
    assert call.arguments["Namespace"] == watchdog.NAMESPACE
    assert (report["MetricName"], report["Value"]) == (watchdog.METRIC, 1.0 if busy else 0.0)
    assert report["Dimensions"] == [{"Name": watchdog.DIMENSION, "Value": machine.identity.machine}]


async def test_a_machine_can_have_itself_stopped(machine: Machine) -> None:
    machine.cloud.start(machine.identity.machine)
    await machine.clock.advance(machine.cloud.times.wake)
    machine.calls.stop()
    (call,) = machine.cloud.asked("StopInstances")
    assert call.arguments["InstanceIds"] == [machine.identity.machine]


@pytest.mark.parametrize(
    ("code", "passing", "sentence"),
    [
        ("UnauthorizedOperation", False, "AWS does not let this machine say which certificate it shows"),
        ("RequestLimitExceeded", True, "RequestLimitExceeded"),
        ("InternalError", True, "InternalError"),
        ("InvalidParameterValue", False, "AWS did not let this machine say which certificate it shows"),
        ("NoConnection", True, "AWS did not answer when this machine wanted to say which certificate it shows"),
    ],
)
def test_every_refusal_is_a_sentence_that_says_whether_it_passes(
    machine: Machine, code: str, passing: bool, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _: None)
    machine.cloud.fail("CreateTags", code, times=None)
    with pytest.raises(CloudError, match=sentence) as refused:
        machine.calls.publish_fingerprint(FINGER)
    assert refused.value.passing is passing


def test_a_machine_without_its_role_is_a_sentence(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    with pytest.raises(CloudError, match="started without its role") as refused:
        Ec2Calls(machine.identity).stop()
    assert refused.value.passing


def test_without_a_cloud_the_token_is_in_a_file_and_nobody_needs_to_be_told(tmp_path: Path) -> None:
    file = tmp_path / "token"
    calls = NoCloud(file)
    with pytest.raises(CloudError, match="lets nobody in"):
        calls.guard_token()
    file.write_text("\n", encoding="utf-8")
    with pytest.raises(CloudError, match="is empty"):
        calls.guard_token()
    file.write_text("the token\n", encoding="utf-8")
    assert calls.guard_token() == "the token"
    calls.publish_fingerprint(FINGER)
    calls.renew_lease(0)
    calls.busy(True)
    calls.stop()

"""The commands as an admin's shell or cron runs them: real processes, against an account on loopback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from wake_service.aws.tags import DEPLOYMENT, LEASE_UNTIL, POOL, as_list

ROOT = Path(__file__).resolve().parents[2]
#: Longest wait for any of the processes, in seconds.
DEADLINE = 60
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """An account of its own, in a process of its own."""
    command = [sys.executable, "-m", "tests.aws.cloud", "--port", "0", "--at-once"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as cloud:
        try:
            assert cloud.stdout is not None
            yield cloud.stdout.readline().strip()
        finally:
            cloud.terminate()


@pytest.fixture(scope="module")
def environment(endpoint: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What an admin has set. The reaper hurries: its two looks are a second apart."""
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "WAKEBRUSH_"))},
        "AWS_ACCESS_KEY_ID": "AKIASTANDINSTANDIN00",
        "AWS_SECRET_ACCESS_KEY": "not a secret",
        "WAKEBRUSH_DATA": str(tmp_path_factory.mktemp("data")),
        "WAKEBRUSH_PROVIDER": "ec2",
        "WAKEBRUSH_AWS_DEPLOYMENT": "studio",
        "WAKEBRUSH_AWS_ENDPOINT": endpoint,
        "WAKEBRUSH_REAPER_SECONDS": "2",
    }


@pytest.fixture(scope="module")
def run(environment: dict[str, str]) -> Run:
    def invoke(*words: str) -> subprocess.CompletedProcess[str]:
        command = [str(Path(sys.executable).parent / "wakebrush"), *words]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=DEADLINE, check=False)

    return invoke


@pytest.fixture(scope="module")
def ec2(endpoint: str) -> Any:
    return boto3.client(
        "ec2", "us-east-1", endpoint_url=endpoint, aws_access_key_id="AKIASTANDINSTANDIN00", aws_secret_access_key="not a secret"
    )


@pytest.fixture(scope="module")
def forgotten(ec2: Any) -> str:
    """A machine of ours that runs although its lease is long over."""
    image = ec2.register_image(Name="wakebrush", RootDeviceName="/dev/sda1")["ImageId"]
    tagged = as_list({DEPLOYMENT: "studio", POOL: "default", LEASE_UNTIL: "2020-01-01T00:00:00Z"})
    specified = [{"ResourceType": kind, "Tags": tagged} for kind in ("instance", "volume")]
    disk = [{"DeviceName": "/dev/sda1", "Ebs": {"VolumeSize": 100, "VolumeType": "gp3"}}]
    launched = ec2.run_instances(
        ImageId=image,
        InstanceType="g5.xlarge",
        MinCount=1,
        MaxCount=1,
        BlockDeviceMappings=disk,
        TagSpecifications=specified,
    )
    return str(launched["Instances"][0]["InstanceId"])


def state(ec2: Any, machine: str) -> str:
    return str(ec2.describe_instances(InstanceIds=[machine])["Reservations"][0]["Instances"][0]["State"]["Name"])


def test_reap_stops_a_forgotten_machine_and_ends(run: Run, ec2: Any, forgotten: str) -> None:
    assert state(ec2, forgotten) == "running"
    done = run("aws", "reap", "--once")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"Machine {forgotten} was awake without a lease" in done.stdout
    assert state(ec2, forgotten) in ("stopping", "stopped")


def test_the_doctor_ends_with_1_while_there_is_no_stack(run: Run) -> None:
    done = run("aws", "doctor", "--json")
    assert done.returncode == 1, done.stderr
    findings = {finding["subject"]: finding["ok"] for finding in json.loads(done.stdout)}
    assert findings["credentials"] and not findings["stack"]


def test_cost_lists_the_disk_of_a_sleeping_machine(run: Run, forgotten: str) -> None:
    done = run("aws", "cost", "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["currency"] == "USD" and said["month_asleep"] == 8.0
    assert {"machine", "disk"} <= {thing["kind"] for thing in said["things"]}
    assert forgotten in {thing["id"] for thing in said["things"]}


def test_what_is_wrong_is_a_sentence_on_the_error_stream(environment: dict[str, str], run: Run) -> None:
    environment["WAKEBRUSH_AWS_CAPACITY_FILE"] = "/nowhere/capacity.toml"
    try:
        done = run("aws", "reap", "--once")
    finally:
        del environment["WAKEBRUSH_AWS_CAPACITY_FILE"]
    assert done.returncode == 1 and done.stdout == ""
    assert "The capacity file /nowhere/capacity.toml cannot be read" in done.stderr

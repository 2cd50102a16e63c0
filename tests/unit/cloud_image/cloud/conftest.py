"""An account in memory with one machine of ours, whose metadata service stands in loopback, for commands in this process."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import boto3
import pytest

from cloud_image.cloud.ec2 import Ec2Calls
from cloud_image.metadata import Identity
from cloud_image.paths import Paths
from tests.aws.cloud import Cloud
from tests.support.metadata import StandIn, State, serving
from wake_service.aws import tags
from wake_service.clock import ManualClock


@dataclass
class Machine:
    """`calls` speaks to `cloud` as the machine does."""

    cloud: Cloud
    clock: ManualClock
    identity: Identity
    calls: Ec2Calls

    def write_token(self, value: str) -> None:
        """As the service does before a start."""
        name = tags.guard_parameter(self.identity.deployment, self.identity.machine)
        self.cloud.client("ssm").put_parameter(Name=name, Value=value, Type="SecureString", Overwrite=True)


@pytest.fixture
async def machine() -> AsyncIterator[Machine]:
    clock = ManualClock()
    cloud = Cloud(clock)
    instance = cloud.add_machine()
    identity = Identity(instance, cloud.region, "g5.xlarge", cloud.tags(instance)["wakebrush"], "default", spot=False)
    session = boto3.session.Session(botocore_session=cloud.front.session(), region_name=cloud.region)
    yield Machine(cloud, clock, identity, Ec2Calls(identity, session))
    await cloud.close()


@pytest.fixture
def state() -> State:
    return State(machine="i-0a1b", tags={"wakebrush": "studio"})


@pytest.fixture
def metadata(state: State, monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    """Where all who ask for metadata find it."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_EC2_METADATA_DISABLED"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    with serving(state) as stand_in:
        monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", stand_in.url)
        yield stand_in


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The root of a machine that is ready for commands."""
    Paths(tmp_path).run.mkdir(parents=True)
    return tmp_path

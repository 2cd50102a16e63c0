"""What a machine that is an EC2 instance says to AWS: with the rights of its own role, about itself only."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

from cloud_image.errors import CloudError
from cloud_image.metadata import Identity
from cloud_image.moments import moment_text

#: The names that the service reads and its alarm is set on (docs/aws.md).
FINGERPRINT, LEASE_UNTIL = "guard-fingerprint", "lease-until"
NAMESPACE, METRIC, DIMENSION = "Wakebrush", "busy", "InstanceId"

#: Seconds; three tries of a call that hangs take about half a minute.
CONFIG = Config(connect_timeout=3, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 3})
_DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthFailure"})
_PASSING = frozenset(
    {"Throttling", "ThrottlingException", "RequestLimitExceeded", "RequestTimeout", "InternalError", "InternalFailure"}
    | {"InternalServerError", "InternalServiceError", "ServiceUnavailable", "Unavailable", "ExpiredToken", "RequestExpired"}
)


class Ec2Calls:
    """Calls about the instance that `identity` names."""

    def __init__(self, identity: Identity, session: boto3.session.Session | None = None) -> None:
        self._identity = identity
        self._session = session or _session(identity.region)
        # A session makes one client at a time; clients themselves may be used at once.
        self._lock = threading.Lock()

    def guard_token(self) -> str:
        """The SecureString that only this machine may read."""
        name = f"/{self._identity.deployment}/guard/{self._identity.machine}"
        with _sentences("read the token of this wake"):
            try:
                found = self._client("ssm").get_parameter(Name=name, WithDecryption=True)
            except ClientError as refused:
                if _code(refused) != "ParameterNotFound":
                    raise
                raise CloudError(
                    f"There is no token for this machine under {name} yet: the service did not start it. It answers nobody.",
                    passing=True,
                ) from refused
        token = str(found["Parameter"]["Value"]).strip()
        if not token:
            raise CloudError(f"The token under {name} is empty, so the guard lets nobody in.", passing=True)
        return token

    def publish_fingerprint(self, fingerprint: str) -> None:
        """As a tag of this instance."""
        self._tag(FINGERPRINT, fingerprint, "say which certificate it shows")

    def renew_lease(self, until: float) -> None:
        """As a tag of this instance."""
        self._tag(LEASE_UNTIL, moment_text(until), "renew its lease")

    def busy(self, busy: bool) -> None:
        """As the metric that the alarm of this instance looks at."""
        report = {
            "MetricName": METRIC,
            "Dimensions": [{"Name": DIMENSION, "Value": self._identity.machine}],
            "Value": 1.0 if busy else 0.0,
        }
        with _sentences("say whether it is busy"):
            self._client("cloudwatch").put_metric_data(Namespace=NAMESPACE, MetricData=[report])

    def stop(self) -> None:
        """By AWS, which asks the machine's kernel first and then switches it off."""
        with _sentences("have itself stopped"):
            self._client("ec2").stop_instances(InstanceIds=[self._identity.machine])

    def _tag(self, key: str, value: str, purpose: str) -> None:
        with _sentences(purpose):
            self._client("ec2").create_tags(Resources=[self._identity.machine], Tags=[{"Key": key, "Value": value}])

    def _client(self, service: Any) -> Any:
        with self._lock:
            return self._session.client(service, config=CONFIG)


def _session(region: str) -> boto3.session.Session:
    core = botocore.session.Session()
    # Its credentials come from the metadata service, which may be late by a moment at boot.
    core.set_config_variable("metadata_service_timeout", 2)
    core.set_config_variable("metadata_service_num_attempts", 3)
    return boto3.session.Session(botocore_session=core, region_name=region)


@contextmanager
def _sentences(purpose: str) -> Iterator[None]:
    """Within this, what AWS refuses or does not answer is a CloudError."""
    try:
        yield
    except ClientError as refused:
        code = _code(refused)
        if code in _DENIED:
            raise CloudError(
                f"AWS does not let this machine {purpose} ({code}). Look at the machine's role: `wakebrush aws doctor`."
            ) from refused
        status = refused.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        passing = code in _PASSING or status >= 500
        message = refused.response.get("Error", {}).get("Message") or "no reason given"
        raise CloudError(f"AWS did not let this machine {purpose} ({code}): {message}", passing=passing) from refused
    except NoCredentialsError as nobody:
        raise CloudError(
            f"This machine has no rights to {purpose}: it was started without its role, or the metadata service is late.",
            passing=True,
        ) from nobody
    except BotoCoreError as silent:
        raise CloudError(f"AWS did not answer when this machine wanted to {purpose}: {silent}", passing=True) from silent


def _code(refused: ClientError) -> str:
    return str(refused.response.get("Error", {}).get("Code", ""))

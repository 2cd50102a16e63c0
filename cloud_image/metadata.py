"""The cloud's metadata service, version 2 of its protocol: who we are, what is written on us, whether we are wanted back.

https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html
"""

from __future__ import annotations

import http.client
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from .errors import MetadataError

#: Where it is unless the variable that AWS's own tools read says otherwise.
ADDRESS = "http://169.254.169.254"
VARIABLE = "AWS_EC2_METADATA_SERVICE_ENDPOINT"
#: It answers in a millisecond, or it is not there.
SECONDS = 2.0
_SESSION_SECONDS = 21_600
_SESSION_HEADER = "X-aws-ec2-metadata-token"
_AGE_HEADER = "X-aws-ec2-metadata-token-ttl-seconds"


@dataclass(frozen=True, slots=True)
class Identity:
    """Who this machine is. `deployment` and `pool` are its tags; `spot`: the cloud may take it back. `account`: whose it is."""

    machine: str
    region: str
    instance_type: str
    deployment: str
    pool: str
    spot: bool
    account: str = ""

    def as_json(self) -> str:
        """For the file that others read it from."""
        return json.dumps(asdict(self))

    @staticmethod
    def of_json(text: str) -> Identity:
        """What as_json wrote. Raises ValueError."""
        try:
            return Identity(**json.loads(text))
        except TypeError as flaw:
            raise ValueError(f"This is nobody's identity: {flaw}") from flaw


@dataclass(frozen=True, slots=True)
class Notice:
    """The cloud wants the machine back: `interruption` at `at` (epoch seconds), or `rebalance`, said at `at`."""

    kind: str
    at: float


class Metadata:
    """Asks the metadata service. Every call may block for SECONDS and raises MetadataError when there is no good answer."""

    def __init__(self, address: str | None = None, seconds: float = SECONDS) -> None:
        self._place = urlsplit(address or os.environ.get(VARIABLE) or ADDRESS)
        self._seconds = seconds
        self._session: str | None = None

    def identity(self) -> Identity:
        """Who we are."""
        document = _fields(self._need("/latest/dynamic/instance-identity/document"))
        return Identity(
            machine=document["instanceId"],
            region=document["region"],
            instance_type=document.get("instanceType", ""),
            deployment=self.tag("wakebrush") or "",
            pool=self.tag("wakebrush-pool") or "default",
            spot=self.get("/latest/meta-data/instance-life-cycle") == "spot",
            account=document.get("accountId", ""),
        )

    def tag(self, name: str) -> str | None:
        """A tag of this machine as it is now; None when there is none."""
        return self.get(f"/latest/meta-data/tags/instance/{name}")

    def notice(self) -> Notice | None:
        """Whether the cloud wants the machine back."""
        action = self.get("/latest/meta-data/spot/instance-action")
        if action is not None:
            return Notice("interruption", _moment(_fields(action)["time"]))
        advice = self.get("/latest/meta-data/events/recommendations/rebalance")
        return None if advice is None else Notice("rebalance", _moment(_fields(advice)["noticeTime"]))

    def get(self, path: str) -> str | None:
        """What is under a path; None when there is nothing (404)."""
        if self._session is None:
            self._session = self._begin()
        status, text = self._call("GET", path, {_SESSION_HEADER: self._session})
        if status == 401:
            self._session = self._begin()
            status, text = self._call("GET", path, {_SESSION_HEADER: self._session})
        if status == 404:
            return None
        if status != 200:
            raise MetadataError(f"The metadata service answered {status} for {path}.")
        return text

    def _need(self, path: str) -> str:
        text = self.get(path)
        if text is None:
            raise MetadataError(f"The metadata service has nothing at {path}.")
        return text

    def _begin(self) -> str:
        status, text = self._call("PUT", "/latest/api/token", {_AGE_HEADER: str(_SESSION_SECONDS)})
        if status != 200:
            raise MetadataError(f"The metadata service gave no session ({status}).")
        return text

    def _call(self, method: str, path: str, headers: Mapping[str, str]) -> tuple[int, str]:
        connection = http.client.HTTPConnection(self._place.hostname or "", self._place.port or 80, timeout=self._seconds)
        try:
            connection.request(method, path, headers=dict(headers))
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        except (OSError, http.client.HTTPException, UnicodeDecodeError) as error:
            raise MetadataError(f"The metadata service does not answer: {error}") from error
        finally:
            connection.close()


def _fields(text: str) -> dict[str, Any]:
    try:
        fields = json.loads(text)
    except ValueError as flaw:
        raise MetadataError("The metadata service said something that is no JSON.") from flaw
    if not isinstance(fields, dict):
        raise MetadataError("The metadata service said something unexpected.")
    return _Named(fields)


class _Named(dict[str, Any]):
    """A dictionary that says in a sentence what it lacks."""

    def __missing__(self, key: str) -> Any:
        raise MetadataError(f"The metadata service's answer lacks “{key}”.")


def _moment(text: Any) -> float:
    try:
        return datetime.fromisoformat(str(text).replace("Z", "+00:00")).timestamp()
    except ValueError as flaw:
        raise MetadataError(f"The metadata service named a moment that cannot be read: {text}") from flaw

"""The front of the cloud: where every call arrives, is written down, refused, answered or left without an answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from email.utils import formatdate
from io import BytesIO
from typing import Any

import botocore.session
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import ReadTimeoutError

from tests.aws.cloud.account import Account
from tests.aws.cloud.faults import Call, Fault, refusal
from tests.aws.cloud.present import present
from tests.aws.cloud.reading import Reading
from tests.aws.cloud.rights import Rights
from tests.aws.cloud.timeline import Timeline

_KEEP_ANSWERS = 256
#: Reading AWS's descriptions of its services takes most of what a client costs; all clouds of a process share them.
_loader: Any = None


class Front:
    """Answers for one account. Every client of `session` talks to it instead of to the network."""

    def __init__(self, account: Account, timeline: Timeline) -> None:
        self.account = account
        self.timeline = timeline
        self.calls: list[Call] = []
        self.faults: list[Fault] = []
        self.rights = Rights()
        self.silent = False
        self.skew = 0.0
        self.version = 0
        self._by = "client"
        self._arguments: Mapping[str, Any] = {}
        self._answers: dict[tuple[Any, ...], tuple[int, dict[str, str], bytes]] = {}

    def session(self) -> botocore.session.Session:
        """A botocore session for whoever calls here. boto3 changes the one it is given, so each has its own."""
        global _loader
        session = botocore.session.Session()
        if _loader is None:
            _loader = session.get_component("data_loader")
        session.register_component("data_loader", _loader)
        session.register_component("response_parser_factory", Reading())
        session.set_credentials("AKIASTANDINSTANDIN00", "not a secret")
        session.register("provide-client-params", self._note)
        session.register("before-send", self._take)
        return session

    @contextmanager
    def inside(self, who: str) -> Iterator[None]:
        """Calls made meanwhile are the cloud's own: nothing is refused, and they are written down as `who`'s."""
        before, self._by = self._by, who
        try:
            yield
        finally:
            self._by = before

    def changed(self) -> None:
        """Something is different from now on: answers that were given are not true any more."""
        self.version += 1

    def _note(self, params: Mapping[str, Any], **_: Any) -> None:
        self._arguments = params

    def _take(self, event_name: str, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        _, service, operation = event_name.split(".", 2)
        self.timeline.catch_up()
        call = Call(self.timeline.clock.now(), service, operation, dict(self._arguments), self._by)
        if call.by == "setup":
            return self._answer(call, request)
        self.calls.append(call)
        if call.by != "client":
            return self._answer(call, request)
        if self.silent:
            raise ReadTimeoutError(endpoint_url=request.url)
        fault = next((fault for fault in self.faults if fault.concerns(call)), None)
        if fault is not None:
            fault.meet()
            if not fault.acted:
                raise fault.error(call, request.url)
        code = self.rights.refusal(call)
        if code is not None:
            raise refusal(operation, code)
        answer = self._answer(call, request)
        if fault is not None:
            raise fault.error(call, request.url)
        return answer

    def _answer(self, call: Call, request: AWSPreparedRequest) -> AWSResponse:
        """moto's answer, at the cloud's own time. What was asked before is not worked out again while nothing has changed."""
        body = request.body
        key = None
        if call.service == "ec2" and call.operation.startswith("Describe"):
            key = (self.version, request.url, body)
        else:
            self.changed()
        found = self._answers.get(key) if key else None
        if found is None:
            with present(self.timeline.clock.now()):
                found = self.account.answer(request.method or "GET", request.url or "", dict(request.headers), body)
            if key:
                if len(self._answers) > _KEEP_ANSWERS:
                    self._answers.clear()
                self._answers[key] = found
        status, headers, text = found
        return AWSResponse(request.url, status, self._dated(headers), Raw(text))

    def serve(self, method: str, url: str, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str], bytes]:
        """The answer to a request that came over a network."""
        self.timeline.catch_up()
        self.changed()
        with present(self.timeline.clock.now()):
            status, sent, text = self.account.answer(method, url, headers, body)
        return status, self._dated(sent), text

    def _dated(self, headers: dict[str, str]) -> dict[str, str]:
        date = formatdate(self.timeline.clock.now() + self.skew, usegmt=True)
        return {name: value for name, value in headers.items() if name.lower() != "date"} | {"date": date}


class Raw(BytesIO):
    """A body as botocore reads it off the wire."""

    def stream(self, amt: int = 65536, **_: Any) -> Iterator[bytes]:
        while chunk := self.read(amt):
            yield chunk

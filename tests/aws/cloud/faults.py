"""What goes wrong when a test says so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from botocore.exceptions import ClientError, ConnectTimeoutError, EndpointConnectionError, ReadTimeoutError

#: Words for no answer at all, and what boto3 raises then.
NO_ANSWER: dict[str, type[Exception]] = {
    "ReadTimeout": ReadTimeoutError,
    "ConnectTimeout": ConnectTimeoutError,
    "NoConnection": EndpointConnectionError,
}
_STATUS = {
    "InsufficientInstanceCapacity": 500,
    "InternalError": 500,
    "InternalFailure": 500,
    "Unavailable": 503,
    "ServiceUnavailable": 503,
    "RequestLimitExceeded": 503,
    "SlowDown": 503,
    "DryRunOperation": 412,
    "PreconditionFailed": 412,
}
MESSAGES = {
    "InsufficientInstanceCapacity": "We currently do not have sufficient capacity in the Availability Zone you requested.",
    "RequestLimitExceeded": "Request limit exceeded.",
    "UnauthorizedOperation": "You are not authorized to perform this operation.",
    "AuthFailure": "AWS was not able to validate the provided access credentials",
    "VcpuLimitExceeded": "You have requested more vCPU capacity than your current vCPU limit allows.",
    "DryRunOperation": "Request would have succeeded, but DryRun flag is set.",
}


@dataclass(frozen=True, slots=True)
class Call:
    """One call to the cloud. `by` names who called when it was no client: the cloud's own alarms and schedules."""

    at: float
    service: str
    operation: str
    arguments: Mapping[str, Any]
    by: str = "client"


@dataclass(slots=True)
class Fault:
    """The next `times` calls of `operation` (a pattern) end like this; None: all of them, until it is withdrawn.

    `code` is an AWS error code, or `ReadTimeout`, `ConnectTimeout`, `NoConnection`. `match` is text that the arguments must
    hold. With `acted` the cloud does what it was asked first, and only the answer is bad.
    """

    operation: str
    code: str
    times: int | None = 1
    match: str = ""
    acted: bool = False
    service: str = "*"
    message: str | None = None
    met: int = field(default=0, compare=False)

    def concerns(self, call: Call) -> bool:
        """Whether this call meets it."""
        return (
            self.times != 0
            and fnmatchcase(call.operation, self.operation)
            and fnmatchcase(call.service, self.service)
            and self.match in str(dict(call.arguments))
        )

    def meet(self) -> None:
        """One call has met it."""
        self.met += 1
        if self.times is not None:
            self.times -= 1

    def error(self, call: Call, url: str) -> Exception:
        """What the caller gets."""
        if self.code in NO_ANSWER:
            return NO_ANSWER[self.code](endpoint_url=url, error="injected")
        return refusal(call.operation, self.code, self.message)


def refusal(operation: str, code: str, message: str | None = None) -> ClientError:
    """AWS's error of that code, as boto3 raises it."""
    status = _STATUS.get(code, 403 if code in {"UnauthorizedOperation", "AccessDenied", "AuthFailure"} else 400)
    said = message or MESSAGES.get(code, f"The cloud refused {operation} ({code}).")
    return ClientError(
        {
            "Error": {"Code": code, "Message": said},
            "ResponseMetadata": {"RequestId": "0", "HostId": "", "HTTPStatusCode": status, "HTTPHeaders": {}, "RetryAttempts": 0},
        },
        operation,
    )

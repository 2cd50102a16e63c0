"""What AWS answers when it does not do what it was asked, by what that means for a machine.

AwsError (a ProviderError)
├── AwsCapacity      (also a NoCapacity) none of this kind in this zone now; another kind or zone may do
├── AwsWrongState    the thing is not in a state for this (yet)
├── AwsNotFound      there is no such thing (yet: AWS shows new things late)
├── AwsQuota         the account may not have more of it: an admin asks AWS to raise it
├── AwsDenied        the credentials do not allow it
├── AwsThrottled     too many calls; passes
└── AwsSilent        no connection, or a failure of AWS itself; passes
NoCredentials        (a SetupError) nobody to call as
"""

from __future__ import annotations

from wake_service.errors import NoCapacity, ProviderError, SetupError


class AwsError(ProviderError):
    """AWS refused an operation. `code` is AWS's own; `passing` says whether the same call may succeed in a moment."""

    passing = False

    def __init__(self, operation: str, code: str, message: str) -> None:
        super().__init__(f"AWS answered {operation} with {code or 'an error'}: {message}")
        self.operation = operation
        self.code = code


class AwsCapacity(AwsError, NoCapacity):
    """All machines of this kind are taken in this zone."""


class AwsWrongState(AwsError):
    """Not in a state for this."""


class AwsNotFound(AwsError):
    """No such thing."""


class AwsQuota(AwsError):
    """The account's limit is reached."""


class AwsDenied(AwsError):
    """Not allowed."""


class AwsThrottled(AwsError):
    """Too many calls."""

    passing = True


class AwsSilent(AwsError):
    """No connection, or AWS failed."""

    passing = True

    def __init__(self, operation: str, message: str, code: str = "NoAnswer") -> None:
        super().__init__(operation, code, message)


class NoCredentials(SetupError, ProviderError):
    """There is nobody to call as."""


_KINDS: dict[type[AwsError], frozenset[str]] = {
    AwsCapacity: frozenset(
        {
            "InsufficientInstanceCapacity",
            "InsufficientHostCapacity",
            "InsufficientCapacity",
            "InsufficientCapacityOnHost",
            "Unsupported",  # this type is not offered in this zone: for a wake the same as none being free
            "SpotMaxPriceTooLow",
            "UnfulfillableCapacity",
        }
    ),
    AwsWrongState: frozenset({"IncorrectInstanceState", "IncorrectSpotRequestState", "IncorrectState", "InvalidState"}),
    AwsQuota: frozenset(
        {
            "InstanceLimitExceeded",
            "VcpuLimitExceeded",
            "MaxSpotInstanceCountExceeded",
            "VolumeLimitExceeded",
            "SnapshotLimitExceeded",
            "AddressLimitExceeded",
            "RulesPerSecurityGroupLimitExceeded",
        }
    ),
    AwsDenied: frozenset(
        {
            "UnauthorizedOperation",
            "AccessDenied",
            "AccessDeniedException",
            "AuthFailure",
            "InvalidClientTokenId",
            "SignatureDoesNotMatch",
            "ExpiredToken",
            "ExpiredTokenException",
            "OptInRequired",
            "PendingVerification",
        }
    ),
    AwsThrottled: frozenset(
        {
            "RequestLimitExceeded",
            "Throttling",
            "ThrottlingException",
            "TooManyRequestsException",
            "SlowDown",
            "EC2ThrottledException",
        }
    ),
}
_FAILURES = frozenset({"InternalError", "InternalFailure", "ServiceUnavailable", "Unavailable", "ServerInternal", "500", "503"})


def from_code(operation: str, code: str, message: str) -> AwsError:
    """The kind of error that an AWS error code stands for; AwsError itself for codes that no plan depends on."""
    if code in _FAILURES:
        return AwsSilent(operation, message, code)
    if code.endswith((".NotFound", "NotFoundException")) or code in {"NoSuchKey", "NoSuchBucket", "ParameterNotFound", "404"}:
        return AwsNotFound(operation, code, message)
    for kind, codes in _KINDS.items():
        if code in codes:
            return kind(operation, code, message)
    return AwsError(operation, code, message)

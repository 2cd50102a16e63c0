"""What the caller may not do."""

from __future__ import annotations

from fnmatch import fnmatchcase

from tests.aws.cloud.faults import Call

#: Operations whose right has another name than themselves.
_RIGHTS = {
    "s3:HeadObject": "s3:GetObject",
    "s3:CopyObject": "s3:PutObject",
    "s3:CreateMultipartUpload": "s3:PutObject",
    "s3:UploadPart": "s3:PutObject",
    "s3:CompleteMultipartUpload": "s3:PutObject",
    "s3:ListObjects": "s3:ListBucket",
    "s3:ListObjectsV2": "s3:ListBucket",
    "s3:HeadBucket": "s3:ListBucket",
    "s3:DeleteObjects": "s3:DeleteObject",
}
_REFUSALS = {"ec2": "UnauthorizedOperation", "ssm": "AccessDeniedException", "scheduler": "AccessDeniedException"}


class Rights:
    """The caller may do everything but what is in `denied`: patterns like `ec2:StartInstances`, `ec2:*`, `ssm:Get*`."""

    def __init__(self) -> None:
        self.denied: set[str] = set()

    def refusal(self, call: Call) -> str | None:
        """The code with which AWS would refuse the call, if it would.

        A dry run that is allowed is refused too, with `DryRunOperation`: that is how AWS says yes.
        """
        name = f"{call.service}:{call.operation}"
        name = _RIGHTS.get(name, name)
        if any(fnmatchcase(name, pattern) for pattern in self.denied):
            return _REFUSALS.get(call.service, "AccessDenied")
        return "DryRunOperation" if call.service == "ec2" and call.arguments.get("DryRun") else None

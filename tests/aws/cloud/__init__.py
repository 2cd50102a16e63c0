"""An AWS account in memory whose time a test moves."""

from tests.aws.cloud.cloud import ADDRESS, REGION, Cloud
from tests.aws.cloud.faults import Call, Fault
from tests.aws.cloud.setting import GUARD_PORT, STUDIO
from tests.aws.cloud.times import Times

__all__ = ["ADDRESS", "GUARD_PORT", "REGION", "STUDIO", "Call", "Cloud", "Fault", "Times"]

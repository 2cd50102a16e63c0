"""Why a tour ended early."""

from wake_service.errors import WakebrushError


class TourFailed(WakebrushError):
    """The message is the sentence that the person in front of the terminal reads."""

"""What a deployment costs while all of it sleeps, for the service's own books."""

from __future__ import annotations

from wake_service.aws.clients import Aws
from wake_service.aws.cost import bill
from wake_service.aws.inventory import take_inventory
from wake_service.aws.prices import Prices


class Bookkeeper:
    """Looks at the cloud's own lists and puts a price on each thing."""

    def __init__(self, aws: Aws, deployment: str, prices: Prices) -> None:
        self._aws = aws
        self._deployment = deployment
        self._prices = prices

    async def standing(self) -> list[tuple[str, int]]:
        """What costs money while all sleeps: (what, micros a month); what has no known price is left out."""
        things = await take_inventory(self._aws, self._deployment)
        lines = bill(things, self._prices, self._aws.region).lines
        return [(f"{line.thing.kind} {line.thing.id}", line.month_micros) for line in lines if line.month_micros]

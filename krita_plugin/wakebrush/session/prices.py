"""What things cost, before and after, as words. Pure. Nothing is said where nothing costs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from ..client.model import Budget, Machine, Money, PriceQuote
from ..i18n import tr
from .words import month_name

#: For how long a machine is kept awake by one press, in seconds.
HOLD_SECONDS = 3600
#: The part of the budget from which it is shown to those who don't want to see it before.
LATE = 0.8
#: Where the service has not said it yet: how long a machine stays awake after the last picture, in seconds (its default).
_IDLE_SECONDS = 1800


@dataclass(frozen=True)
class Question:
    """What the button would ask for: `pictures` of one size, over all regions and batches."""

    style: str
    width: int
    height: int
    pictures: int = 1

    def body(self, most: int) -> dict[str, Any]:
        """The body of POST /v1/price. `most`: pictures in one job. The price of a picture does not depend on what it shows."""
        count = min(self.pictures, most)
        size = {"width": self.width, "height": self.height}
        return {"mode": "text_to_image", "prompt": "price", "style": self.style, "count": count, **size}

    def whole(self, quote: PriceQuote, most: int) -> Money | None:
        """The price of all pictures, where `quote` is about one job of them."""
        estimate = quote.price.estimate
        if estimate is None or quote.pictures is None or self.pictures <= most:
            return estimate
        rest = quote.pictures.amount * (self.pictures / most - 1)
        return Money(estimate.amount + rest, estimate.currency)


def money(value: Money) -> str:
    """`$0.55`, `$20`; more places only where cents would read as nothing."""
    sign = {"USD": "$", "EUR": "€", "GBP": "£"}.get(value.currency)
    places = 0 if value.amount == round(value.amount) else 2 if value.amount >= 0.01 else 3
    amount = f"{value.amount:.{places}f}" if value.amount >= 0.0005 or not value.amount else "0.001"
    less = "< " if 0 < value.amount < 0.0005 else ""
    return less + (f"{sign}{amount}" if sign else f"{amount} {value.currency}")


def is_free(machine: Machine | None) -> bool:
    """Whether a machine costs nothing, as far as is known: the practice engine, a workstation of the studio's."""
    return machine is None or machine.price_per_hour is None or machine.price_per_hour.amount <= 0


def button_price(total: Money | None, includes_wake: bool, machine: Machine | None) -> str:
    """What the button will cost; '' when it costs nothing or nobody knows. `total`: as the service has quoted it, or None."""
    if total is not None:
        if total.amount <= 0:
            return ""
        if includes_wake:
            return tr("starts the machine: about {price}", price=money(total))
        return tr("about {price}", price=money(total))
    if machine is None or machine.price_per_hour is None or is_free(machine):
        return ""
    if machine.up:
        return tr("{price} an hour", price=money(machine.price_per_hour))
    return tr("starts the machine: about {price}", price=money(wake_price(machine, None) or Money(0.0)))


def price_tip(quote: PriceQuote | None) -> str:
    """Of what the price is made: `Waking $0.02 · painting $0.003 · staying awake afterwards up to $0.48`."""
    if quote is None or quote.price.estimate is None or quote.price.estimate.amount <= 0:
        return ""
    parts = []
    if quote.wake is not None and quote.wake.amount > 0:
        parts.append(tr("waking {price}", price=money(quote.wake)))
    if quote.pictures is not None:
        parts.append(tr("painting {price}", price=money(quote.pictures)))
    if quote.idle is not None and quote.idle.amount > 0:
        parts.append(tr("staying awake afterwards up to {price}", price=money(quote.idle)))
    return " · ".join(parts)


def last_cost(cost: Money | None, pictures: int) -> str:
    """What painting has really cost, said when it is over."""
    if cost is None or cost.amount <= 0:
        return ""
    if pictures == 1:
        return tr("painting the last one cost {price}", price=money(cost))
    return tr("painting the last {n} cost {price}", n=pictures, price=money(cost))


def wake_price(machine: Machine | None, quote: PriceQuote | None) -> Money | None:
    """What waking a machine costs together with the time that it then stays awake; None where it is free."""
    if quote is not None and quote.wake is not None and quote.idle is not None and quote.price.includes_wake:
        return Money(quote.wake.amount + quote.idle.amount, quote.wake.currency)
    if machine is None or machine.price_per_hour is None or is_free(machine):
        return None
    seconds = (machine.wake_seconds or 0.0) + _IDLE_SECONDS
    return Money(machine.price_per_hour.amount * seconds / 3600, machine.price_per_hour.currency)


def wake_label(machine: Machine | None, quote: PriceQuote | None) -> str:
    """`Wake now · about $0.50`"""
    price = wake_price(machine, quote)
    return tr("Wake now") if price is None else tr("Wake now · about {price}", price=money(price))


def hold_label(machine: Machine | None) -> str:
    """`Keep awake 1 h · up to $1.01`"""
    if machine is None or machine.price_per_hour is None or is_free(machine):
        return tr("Keep awake 1 h")
    hourly = machine.price_per_hour
    return tr("Keep awake 1 h · up to {price}", price=money(Money(hourly.amount * HOLD_SECONDS / 3600, hourly.currency)))


def gather_label(ideas: int, price: Money | None, *, asleep: bool) -> str:
    """`Wake and paint 3 ideas · about $0.62`"""
    if asleep:
        what = tr("Wake and paint 1 idea") if ideas == 1 else tr("Wake and paint {n} ideas", n=ideas)
    else:
        what = tr("Paint 1 idea") if ideas == 1 else tr("Paint {n} ideas", n=ideas)
    return what if price is None or price.amount <= 0 else tr("{what} · about {price}", what=what, price=money(price))


def budget_text(budget: Budget | None, *, quiet: bool = False) -> str:
    """`Team: $3.10 of $20 in November`; with `quiet` only from 80 % on."""
    if budget is None or (quiet and budget.spent.amount < LATE * budget.limit.amount):
        return ""
    text = tr("Team: {spent} of {limit}", spent=money(budget.spent), limit=money(budget.limit))
    return text if budget.resets_at is None else tr("{amount} in {month}", amount=text, month=_month(budget))


def is_used_up(budget: Budget | None) -> bool:
    """Whether the month has nothing left at all."""
    return budget is not None and budget.spent.amount >= budget.limit.amount


def bears(budget: Budget | None, price: Money | None) -> bool:
    """Whether what is left of the month pays for something."""
    return budget is None or price is None or budget.spent.amount + price.amount <= budget.limit.amount


def budget_sentence(budget: Budget | None) -> str:
    """Why nothing is painted any more, and until when."""
    if budget is None or budget.resets_at is None:
        return tr("The team's budget is used up. Ask your admin; your picture waits.")
    month, limit = _month(budget), money(budget.limit)
    day = datetime.fromtimestamp(budget.resets_at, timezone.utc)
    until = tr("{day} {month}", day=day.day, month=month_name(day.month))
    if is_used_up(budget):
        used = tr("The team's budget for {month} ({limit}) is used up.", month=month, limit=limit)
    else:
        used = tr("What is left of the team's budget for {month} ({limit}) does not pay for a wake.", month=month, limit=limit)
    return tr("{used} Ask your admin, or wait until {day}.", used=used, day=until)


def _month(budget: Budget) -> str:
    """The month that ends when the budget begins anew."""
    return month_name(datetime.fromtimestamp((budget.resets_at or 0.0) - 86_400, timezone.utc).month)

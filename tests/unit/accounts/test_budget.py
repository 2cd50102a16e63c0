"""A budget is not overrun."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from wake_service.accounts.budget import MICROS, Budget, reserve_micros

amounts = st.integers(0, 10**12)


@given(amounts, amounts, amounts)
def test_what_is_allowed_still_fits(limit: int, spent: int, more: int) -> None:
    assert Budget(limit, spent).allows(more) == (spent + more <= limit)


@given(amounts, amounts)
def test_without_a_limit_everything_is_allowed(spent: int, more: int) -> None:
    assert Budget(None, spent).allows(more)


@given(st.floats(0, 86_400), st.floats(0, 86_400), st.integers(0, 100 * MICROS))
def test_a_longer_time_never_costs_less(seconds: float, longer: float, price: int) -> None:
    assert reserve_micros(seconds + longer, price) >= reserve_micros(seconds, price)


def test_an_hour_costs_the_price_of_an_hour() -> None:
    assert reserve_micros(3600, 1_006_000) == 1_006_000

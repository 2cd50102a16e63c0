"""What is said about money, before and after."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wakebrush.client.model import Budget, Machine, Money, Price, PriceQuote
from wakebrush.session import prices
from wakebrush.session.prices import Question

ASLEEP = Machine("m", "asleep", wake_seconds=61.0, price_per_hour=Money(1.006))
READY = Machine("m", "ready", price_per_hour=Money(1.006))
FREE = Machine("m", "asleep", wake_seconds=4.0, price_per_hour=Money(0))
QUOTE = PriceQuote(Price(Money(0.503), True), Money(0.02), Money(0.003), Money(0.48))
DECEMBER = 1_796_083_200.0


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Money(0.55), "$0.55"),
        (Money(0.5), "$0.50"),
        (Money(20), "$20"),
        (Money(0.0123, "EUR"), "€0.01"),
        (Money(0.0028), "$0.003"),
        (Money(0.0001), "< $0.001"),
        (Money(0.0001, "CHF"), "< 0.001 CHF"),
        (Money(0), "$0"),
        (Money(3, "CHF"), "3 CHF"),
    ],
)
def test_money_is_written_as_people_write_it(value: Money, text: str) -> None:
    assert prices.money(value) == text


@given(st.floats(0.0000001, 1e6))
def test_what_costs_something_never_reads_as_nothing(amount: float) -> None:
    assert prices.money(Money(amount)).strip("$0.") != ""


def test_the_button_says_that_it_starts_the_machine() -> None:
    assert prices.button_price(Money(0.503), True, ASLEEP) == "starts the machine: about $0.50"
    assert prices.button_price(Money(0.003), False, READY) == "about $0.003"


def test_without_a_word_from_the_service_the_button_says_what_the_machine_costs() -> None:
    assert prices.button_price(None, False, READY) == "$1.01 an hour"
    assert prices.button_price(None, False, ASLEEP) == "starts the machine: about $0.52"


def test_nothing_is_said_where_nothing_costs() -> None:
    for machine in (None, FREE, Machine("m", "ready")):
        assert prices.button_price(None, False, machine) == ""
    assert prices.button_price(Money(0), True, FREE) == ""
    assert prices.price_tip(PriceQuote(Price(Money(0)))) == prices.price_tip(None) == ""
    assert (prices.wake_label(FREE, None), prices.hold_label(FREE)) == ("Wake now", "Keep awake 1 h")
    assert prices.gather_label(2, Money(0), asleep=True) == "Wake and paint 2 ideas"
    assert prices.last_cost(Money(0), 1) == prices.last_cost(None, 1) == ""


def test_the_parts_of_a_price_add_up_in_words() -> None:
    assert prices.price_tip(QUOTE) == "waking $0.02 · painting $0.003 · staying awake afterwards up to $0.48"
    assert prices.price_tip(PriceQuote(Price(Money(0.003)), Money(0), Money(0.003), Money(0))) == "painting $0.003"
    assert prices.price_tip(PriceQuote(Price(Money(0.02)), Money(0.02))) == "waking $0.02"


def test_the_verbs_say_what_they_cost() -> None:
    assert prices.wake_label(ASLEEP, QUOTE) == "Wake now · about $0.50"
    assert prices.wake_label(ASLEEP, None) == "Wake now · about $0.52"
    assert prices.hold_label(READY) == "Keep awake 1 h · up to $1.01"
    assert prices.gather_label(3, Money(0.62), asleep=True) == "Wake and paint 3 ideas · about $0.62"
    assert prices.gather_label(1, Money(0.02), asleep=True) == "Wake and paint 1 idea · about $0.02"
    assert prices.gather_label(1, None, asleep=False) == "Paint 1 idea"
    assert prices.gather_label(2, Money(0.02), asleep=False) == "Paint 2 ideas · about $0.02"


def test_afterwards_the_real_cost_is_said() -> None:
    assert prices.last_cost(Money(0.0021), 1) == "painting the last one cost $0.002"
    assert prices.last_cost(Money(0.012), 4) == "painting the last 4 cost $0.01"


def test_more_pictures_than_one_job_makes_are_priced_together_and_the_wake_once() -> None:
    question = Question("gouache", 512, 512, pictures=30)
    assert question.body(10) == {
        "mode": "text_to_image", "prompt": "price", "style": "gouache", "count": 10, "width": 512, "height": 512,
    }  # fmt: skip
    ten = PriceQuote(Price(Money(0.53), True), Money(0.02), Money(0.03), Money(0.48))
    assert question.whole(ten, 10) == Money(pytest.approx(0.59))
    assert Question("gouache", 512, 512, 4).whole(ten, 10) == Money(0.53)
    assert question.whole(PriceQuote(Price()), 10) is None


def test_the_budget_names_its_month() -> None:
    budget = Budget(Money(20), Money(3.1), DECEMBER)
    assert prices.budget_text(budget) == "Team: $3.10 of $20 in November"
    assert prices.budget_text(Budget(Money(20), Money(3.1))) == "Team: $3.10 of $20"
    assert prices.budget_text(None) == ""


@pytest.mark.parametrize(("spent", "shown"), [(15.99, False), (16.0, True), (25.0, True)])
def test_the_month_can_be_hidden_until_four_fifths_are_spent(spent: float, shown: bool) -> None:
    assert bool(prices.budget_text(Budget(Money(20), Money(spent), DECEMBER), quiet=True)) == shown


def test_a_used_up_budget_says_what_to_do() -> None:
    used = Budget(Money(200), Money(200), DECEMBER)
    said = "The team's budget for November ($200) is used up. Ask your admin, or wait until 1 December."
    assert prices.budget_sentence(used) == said and prices.is_used_up(used)
    assert prices.budget_sentence(Budget(Money(200), Money(199.9), DECEMBER)) == (
        "What is left of the team's budget for November ($200) does not pay for a wake. Ask your admin, or wait until 1 December."
    )
    assert prices.budget_sentence(None) == "The team's budget is used up. Ask your admin; your picture waits."


def test_what_is_left_bears_a_wake_or_not() -> None:
    assert prices.bears(None, Money(5)) and prices.bears(Budget(Money(20), Money(20)), None)
    assert prices.bears(Budget(Money(20), Money(19.5)), Money(0.5))
    assert not prices.bears(Budget(Money(20), Money(19.6)), Money(0.5))

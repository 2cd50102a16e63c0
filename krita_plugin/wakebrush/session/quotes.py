"""Asks the service what the button would cost, once she has settled on it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from functools import partial

from ..client.errors import Stopped
from ..client.model import Money, PriceQuote
from ..client.service import Service
from ..qt import QObject, QTimer, Signal
from .link import Link
from .prices import Question

_log = logging.getLogger("wakebrush")

#: How long nothing may change before the price is asked for, in milliseconds.
_SETTLED_MS = 400
#: How long a price is good for, in seconds.
_GOOD_SECONDS = 60.0


class Quotes(QObject):
    """`changed()`: another price is known. `quote`: the newest, of `question`; None while nobody knows. `gathered`: of all ideas.

    Until another price has come, the one before stands: the line does not flicker while she sets things.
    """

    changed = Signal()

    def __init__(self, link: Link, question: Callable[[], Question | None], clock: Callable[[], float] = time.monotonic) -> None:
        """`question`: what the button would ask for at this moment; None: nothing. `clock`: monotonic seconds."""
        super().__init__()
        self._link = link
        self._question = question
        self._clock = clock
        self._asked: Question | None = None
        self._asked_at = 0.0
        self._most = 1
        self._ideas = 0
        self.question: Question | None = None
        self.quote: PriceQuote | None = None
        self.gathered: Money | None = None
        self._settled = QTimer(self)
        self._settled.setSingleShot(True)
        self._settled.setInterval(_SETTLED_MS)
        self._settled.timeout.connect(self.ask)

    @property
    def total(self) -> Money | None:
        """What the button would cost, as far as the service has said it."""
        return None if self.quote is None or self.question is None else self.question.whole(self.quote, self._most)

    def matter(self, *, most: int, ideas: int) -> None:
        """Something that the price may depend on has changed. `most`: pictures in one job; `ideas`: presses that are gathered."""
        self._most, self._ideas = most, ideas
        if not ideas:
            self.gathered = None
        if not self._settled.isActive():
            self._settled.start()

    def forget(self) -> None:
        """What was quoted is no longer so: a machine woke or fell asleep, or an idea came or went."""
        self._asked_at = float("-inf")

    def ask(self) -> None:
        """Asks now, unless the same was asked a moment ago."""
        question, now = self._question(), self._clock()
        fresh = question == self._asked and now - self._asked_at < _GOOD_SECONDS
        if question is None or fresh:
            return
        self._asked, self._asked_at = question, now
        self._link.ask(
            "price",
            partial(Service.price, body=question.body(self._most)),
            partial(self._quoted, question),
            partial(self._not_quoted, question),
        )
        if self._ideas:
            self._link.ask("price", partial(Service.price, body={"gathered": True}), self._gathered)

    def _quoted(self, question: Question, quote: PriceQuote | None) -> None:
        if question == self._asked:
            self.question, self.quote = question, quote
            self.changed.emit()

    def _gathered(self, quote: PriceQuote) -> None:
        self.gathered = quote.price.estimate
        self.changed.emit()

    def _not_quoted(self, question: Question, error: Exception) -> None:
        """She has asked for nothing: the button shows what the machine costs, and says what is wrong when it is pressed."""
        if not isinstance(error, Stopped):
            _log.info("no price: %s", error)
        self._quoted(question, None)

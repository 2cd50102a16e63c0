"""The machines, the queue and the prices: what is known of them, and the verbs that change them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import Any

from ..client.errors import ServiceError, Stopped
from ..client.model import Budget, Cancelled, CancelledAll, Held, Job, Machine, Me
from ..client.service import Service
from ..i18n import tr
from ..qt import QTimer, Signal
from . import machine_words, prices
from .intent import PAUSE, Intent
from .link import Link
from .machine_words import MachineView
from .observable import Observable, Property
from .prices import Question
from .queue import Row, Unsent, cancelled_sentence, gathered, ideas, pictures, rows, total_cost
from .quotes import Quotes
from .settings import PaintSettings
from .waits import Waits
from .words import Notice, clock_time, garbled_notice, main_machine

#: How long a sentence in passing is shown, in seconds.
_ASIDE_SECONDS = 8.0


class Desk(Observable):
    """`told(Notice)`: something that she asked for went wrong; `moved()`: something that a state line may depend on has changed.

    `view`: what may be done with the machine; `rows`: her queue; `price`, `price_tip`: of what the button would do;
    `release_label`: of the button that wakes for all ideas, '' without any; `budget`: the month so far; `aside`: a sentence
    in passing.
    """

    told = Signal(object)
    moved = Signal()

    view: Property[MachineView] = Property(MachineView())
    rows: Property[tuple[Row, ...]] = Property(())
    price = Property("")
    price_tip = Property("")
    release_label = Property("")
    budget = Property("")
    aside = Property("")
    admin = Property(False)

    def __init__(
        self,
        link: Link,
        settings: PaintSettings,
        waits: Waits,
        question: Callable[[], Question | None],
        withdraw: Callable[[str], bool],
        *,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        """`question`: what the button would ask for at this moment; `withdraw`: lets go of a picture of this Krita by key or job,
        and says whether there is one. `clock`: monotonic seconds; `now`: epoch seconds."""
        super().__init__()
        self._link, self._settings, self._waits = link, settings, waits
        self._withdraw, self._clock, self._now = withdraw, clock, now
        self.quotes = Quotes(link, question, clock)
        self.quotes.changed.connect(self.refresh)
        self.me: Me | None = None
        self.connected = False
        self._machines: dict[str, Machine] = {}
        self._jobs: dict[str, Job] = {}
        self._steps: dict[str, tuple[int, int]] = {}
        self._unsent: tuple[Unsent, ...] = ()
        self._finished: list[Job] = []
        self._last_cost = ""
        self._intent = Intent()
        self._aside_until = 0.0
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(round(PAUSE * 1000) + 50)
        self._pause.timeout.connect(self.answer_intent)
        settings.changed.connect(self._setting_changed)

    # What is known.

    @property
    def machines(self) -> tuple[Machine, ...]:
        return tuple(self._machines.values())

    @property
    def machine(self) -> Machine | None:
        """The one to talk about, as the service told it."""
        return main_machine(list(self._machines.values()))

    @property
    def month(self) -> Budget | None:
        """The team's budget; None when it has none."""
        return self.me.budget if self.me is not None else None

    @property
    def most(self) -> int:
        """Pictures in one job."""
        return self.me.limits.max_count if self.me is not None else 10

    @property
    def gathers(self) -> bool:
        """Whether the next press only puts an idea aside: she wants that, and nothing is awake anyway."""
        machine = self.machine
        return self._settings.gather and machine is not None and not machine.up

    # What is heard.

    def take(self, envelope: dict[str, Any]) -> None:
        """One event of the stream."""
        kind, data = envelope["type"], envelope["data"]
        if kind == "snapshot":
            self._machines = {each["id"]: Machine.parse(each) for each in data["machines"]}
            self._jobs = {job.id: job for job in map(Job.parse, data["jobs"]) if job.unfinished}
            self.got_me(Me.parse(data["me"]))
            self._prices_changed()
        elif kind == "machine.changed":
            self._machine_changed(Machine.parse(data["machine"]))
        elif kind == "job.progress":
            if data.get("steps"):
                self._steps[envelope["job"]] = (int(data.get("step") or 0), int(data["steps"]))
        elif kind == "queue.changed":
            self._queue_changed(envelope["job"], data)
        elif kind.startswith("job.") and "job" in data:
            self._job_changed(Job.parse(data["job"]))
        self.refresh()

    def got_me(self, me: Me) -> None:
        """What the service says of her and of her team's month."""
        self.me = me
        self.admin = me.admin
        self.refresh()

    def unsent(self, presses: Iterable[Unsent]) -> None:
        """What she has asked for and the service does not know yet."""
        presses = tuple(presses)
        if presses != self._unsent:
            self._unsent = presses
            self.refresh()

    def price_may_change(self) -> None:
        """What the button would do is another thing now."""
        self.quotes.matter(most=self.most, ideas=ideas(self._jobs.values()))

    def sign(self) -> None:
        """She typed a prompt or made a selection: perhaps she is about to paint."""
        if self._settings.wake_on_intent:
            self._intent = self._intent.seen(self._clock())
            self._pause.start()

    def pressed(self) -> None:
        """She has asked for a picture: that wakes a machine by itself."""
        self._intent = self._intent.done()
        self._last_cost = ""

    # Verbs.

    def wake(self) -> None:
        """She is about to paint."""
        self._ask(Service.wake, self._woken)

    def keep_awake(self) -> None:
        """Keeps the machine awake for an hour, so long at most as the service allows."""
        machine = self.machine
        if machine is not None:
            self._ask(partial(Service.hold, machine_id=machine.id, seconds=prices.HOLD_SECONDS), self._held)

    def let_go(self) -> None:
        """The machine may sleep again when nobody needs it."""
        machine = self.machine
        if machine is not None:
            self._ask(partial(Service.let_go, machine_id=machine.id), self._machine_known)

    def cancel_row(self, row: Row) -> None:
        """Lets go of one press, wherever she pressed."""
        for key in row.keys:
            if not self._withdraw(key):
                self._ask(partial(Service.cancel, job_id=key), self.cancelled)

    def cancel_mine(self) -> None:
        """Lets go of all that she has asked for: what is from here also while the service is away."""
        elsewhere = [key for row in self.rows for key in row.keys if not self._withdraw(key)]
        if elsewhere:
            self.cancel_all("mine")

    def cancel_all(self, which: str) -> None:
        """Lets go of all unfinished jobs; `which`: `mine`, or `all` for an admin."""
        self._ask(partial(Service.cancel_all, which=which), self._all_cancelled)

    def cancelled(self, cancelled: Cancelled) -> None:
        """The service has let go of a job: what that means for the machine is said."""
        self._job_changed(cancelled.job)
        if cancelled.machine_sleeps is not None:
            self.say(cancelled_sentence(1, cancelled.machine_sleeps))
        self.refresh()

    def to_front(self, row: Row) -> None:
        """Paints a press before her other ones."""
        for job_id in reversed(row.keys):
            self._ask(partial(Service.front, job_id=job_id), self._fronted)

    def release(self) -> None:
        """Wakes a machine for all ideas."""
        self._ask(Service.release_gathered, self._released)

    def say(self, sentence: str) -> None:
        """A sentence in passing, gone by itself."""
        self._aside_until = self._clock() + _ASIDE_SECONDS
        self.aside = sentence

    def answer_intent(self) -> None:
        """Wakes a machine if she is about to paint and one can be paid for. Once for each intent, whatever comes of it."""
        if not self._intent.is_due(self._clock()):
            return
        self._intent = self._intent.done()
        machine = self.machine
        asleep = machine is not None and machine.state == "asleep"
        if self.connected and asleep and prices.bears(self.month, prices.wake_price(machine, self.quotes.quote)):
            self._link.ask("ask", Service.wake, self._woken)  # a refusal is only logged: she has not asked for it

    # What the docker shows.

    def refresh(self) -> None:
        """Says anew what depends on what was heard."""
        self.tick()
        self.moved.emit()

    def tick(self) -> None:
        """Says anew what depends on time."""
        if self.aside and self._clock() >= self._aside_until:
            self.aside = ""
        as_of_now = self._waits.as_of_now
        known = {each.id: as_of_now(each) for each in self._machines.values()}
        main = main_machine(list(known.values()))
        quote, now = self.quotes.quote, self._now()
        self.view = machine_words.view(known.values(), main, now, me=self.me, quote=quote)
        self.rows = rows([as_of_now(job) for job in self._jobs.values()], self._unsent, main, self._steps)
        self.budget = prices.budget_text(self.month, quiet=self._settings.quiet_budget)
        includes_wake = quote is not None and quote.price.includes_wake
        price = prices.button_price(self.quotes.total, includes_wake, main)
        if self.gathers and price:
            price = tr("costs nothing yet")
        self.price = " · ".join(part for part in (price, self._last_cost) if part)
        self.price_tip = prices.price_tip(quote)
        count = ideas(self._jobs.values())
        asleep = main is not None and not main.up
        self.release_label = prices.gather_label(count, self.quotes.gathered, asleep=asleep) if count else ""

    # What came of it.

    def _ask(self, call: Callable[[Service], Any], then: Callable[[Any], None]) -> None:
        if not self.connected:
            self.told.emit(Notice(tr("The service cannot be reached just now."), tr("Try again when you are back online.")))
            return
        self._link.ask("ask", call, then, self._failed)

    def _failed(self, error: Exception) -> None:
        if isinstance(error, ServiceError):
            if not isinstance(error, Stopped):
                self.told.emit(Notice(error.title, error.hint))
        else:
            self.told.emit(garbled_notice(error))

    def _woken(self, answer: tuple[Machine | None, object]) -> None:
        if answer[0] is not None:
            self._machine_known(answer[0])

    def _held(self, held: Held) -> None:
        self._machine_known(held.machine)
        cost = held.price.estimate
        if held.until is not None and cost is not None and cost.amount > 0:
            self.say(tr("Awake until {time}, up to {price}.", time=clock_time(held.until), price=prices.money(cost)))

    def _all_cancelled(self, answer: CancelledAll) -> None:
        self.say(cancelled_sentence(answer.cancelled, answer.machine_sleeps))
        self.refresh()

    def _fronted(self, job: Job) -> None:
        self._job_changed(job)
        self.refresh()

    def _released(self, answer: tuple[list[Job], object]) -> None:
        for job in answer[0]:
            self._job_changed(job)
        self.refresh()

    def _machine_known(self, machine: Machine) -> None:
        self._machine_changed(machine)
        self.refresh()

    def _machine_changed(self, machine: Machine) -> None:
        before = self._machines.get(machine.id)
        self._machines[machine.id] = machine
        if before is None or before.up != machine.up:
            self._prices_changed()

    def _queue_changed(self, job_id: str | None, data: dict[str, Any]) -> None:
        job = self._jobs.get(job_id or "")
        if job is not None:
            self._jobs[job.id] = replace(job, ahead=data.get("ahead"), eta_seconds=data.get("eta_seconds"))

    def _job_changed(self, job: Job) -> None:
        ideas_before = len(gathered(self._jobs.values()))
        if job.unfinished:
            self._jobs[job.id] = job
        else:
            known = self._jobs.pop(job.id, None)
            self._steps.pop(job.id, None)
            self._waits.forget([job.id])
            if known is not None and job.state == "succeeded":
                self._finished = [each for each in self._finished if job.group and each.group == job.group] + [job]
                self._last_cost = prices.last_cost(total_cost(self._finished), pictures(self._finished))
        if len(gathered(self._jobs.values())) != ideas_before:
            self._prices_changed()

    def _prices_changed(self) -> None:
        self.quotes.forget()
        self.price_may_change()

    def _setting_changed(self, name: str) -> None:
        if name in ("quiet_budget", "gather"):
            self.refresh()
        if name not in ("prompt", "negative_prompt", "seed"):
            self.price_may_change()

"""Brings models to this machine: from their source to the models' disk, and from there to the fast one."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from cloud_image.errors import ModelError

from .plan import Evict, Plan, Remote, plan
from .rate import Rate
from .source import Listing, ModelChanged, Source
from .tier import PARTS, Tier
from .transfer import Transfer

#: Files that travel at once: one connection to S3 gives 50 to 100 MB/s, a machine's network several times that.
AT_ONCE = 4
#: A plan is made again when something changed at the source, or room became free; more often than this it is a mistake.
_ROUNDS = 5

Tell = Callable[[str], None]


@dataclass(slots=True)
class Outcome:
    """What a sync did: names that came and went, names for which there was no room, sentences about what went wrong, and the
    names of what `failed`. `passing`: all of it may work a moment later."""

    brought: list[str] = field(default_factory=list)
    evicted: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    failed: set[str] = field(default_factory=set)
    passing: bool = True

    def trouble(self, sentence: str, *, passing: bool = False) -> None:
        """Writes down what went wrong."""
        self.troubles.append(sentence)
        self.passing = self.passing and passing


class Sync:
    """One source and one tier. `used_since`: a model read since then (epoch seconds) is in use."""

    def __init__(
        self,
        source: Source,
        tier: Tier,
        rate: Rate,
        used_since: float,
        tell: Tell,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._source = source
        self._tier = tier
        self._transfer = Transfer(source, tier, rate, sleep)
        self._used_since = used_since
        self._tell = tell

    def run(self, wanted: Sequence[str] = ()) -> Outcome:
        """Brings what there is room for, wanted names first. Raises ModelError when there is nothing to go by, OSError when
        the tier cannot be used."""
        outcome = Outcome()
        with self._alone():
            for _ in range(_ROUNDS):
                listing = self._listing(outcome)
                if not self._round(listing, wanted, outcome):
                    break
        return outcome

    @contextmanager
    def _alone(self) -> Iterator[None]:
        folder = self._tier.root / PARTS
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "lock").open("w", encoding="utf-8") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise ModelError("Another sync brings models to this disk just now.", passing=True) from error
            yield

    def _listing(self, outcome: Outcome) -> Listing:
        listing = self._source.listing()
        if not listing.models and not listing.unclear:
            if any(model.ours for model in self._tier.models()):
                # An unmounted folder and a mistyped bucket look like this, too: what is here must not go for it.
                raise ModelError("The source has no models at all; nothing is taken away here. Is it the right one, and mounted?")
            self._tell("The source has no models yet: wakebrush models add brings some there.")
        for sentence in listing.troubles:
            if sentence not in outcome.troubles:
                outcome.trouble(sentence)
        return listing

    def _round(self, listing: Listing, wanted: Sequence[str], outcome: Outcome) -> bool:
        """Carries one plan out; whether another may find more to do."""
        self._tier.forget_parts(listing.models)
        # What is there and cannot be brought is not gone: what is here of it stays.
        keep = self._tier.in_use(self._used_since) | listing.unclear
        arrived = self._tier.arrived(listing.models)
        made = plan(listing.models, self._tier.models(), self._tier.room(), keep, wanted, arrived)
        # What was begun of models for which there is no room would keep others out.
        self._tier.forget_parts(made.fetches)
        outcome.left_out = list(made.left_out)
        for name in sorted(set(made.unknown) - listing.unclear):
            if (sentence := f"{name} was asked for, and the source has no such model.") not in outcome.troubles:
                outcome.trouble(sentence)
        brought = len(outcome.brought)
        changed = self._carry_out(made, outcome)
        # An old version's room is free only now, and may be enough for another model.
        return changed or (bool(made.left_out) and len(outcome.brought) > brought)

    def _carry_out(self, made: Plan, outcome: Outcome) -> bool:
        """Evicts and brings; whether something was changed at the source meanwhile."""
        changed = False
        with ThreadPoolExecutor(AT_ONCE) as threads:
            under_way: dict[Future[None], Remote] = {}
            for action in made.actions:
                if isinstance(action, Evict):
                    self._evict(action, outcome)
                elif action.remote.name not in outcome.failed:
                    under_way[threads.submit(self._transfer.bring, action.remote)] = action.remote
            for done in as_completed(under_way):
                model = under_way[done]
                try:
                    done.result()
                except ModelChanged as error:
                    self._tell(str(error))
                    changed = True
                except ModelError as error:
                    outcome.failed.add(model.name)
                    outcome.trouble(str(error), passing=error.passing)
                else:
                    outcome.brought.append(model.name)
                    self._tell(f"{model.name} is here ({model.size:,} bytes{'' if model.sha256 else ', checksum not known'}).")
        return changed

    def _evict(self, action: Evict, outcome: Outcome) -> None:
        self._tier.evict(action.name)
        outcome.evicted.append(action.name)
        self._tell(
            f"{action.name} was taken off this disk{': its source has it no more' if action.removed else ' to make room'}."
        )


class MostRecentlyUsed:
    """Another tier of this machine as a source, of which those come first that were used last."""

    def __init__(self, source: Source, tier: Tier) -> None:
        self._source = source
        self._tier = tier
        self.read = source.read

    def listing(self) -> Listing:
        listing = self._source.listing()
        used = {model.name: model.used_at for model in self._tier.models()}
        return replace(listing, models=[replace(model, added_at=used.get(model.name, 0.0)) for model in listing.models])

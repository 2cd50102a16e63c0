"""All styles there are to choose from: the service's and her own."""

from __future__ import annotations

from typing import Any

from ..client.catalogue import Models
from ..client.model import Style
from ..client.store import KeyValueStore
from ..i18n import tr
from .observable import Observable, Property
from .styles import OWN, OwnStyle, exported, imported, language_notice, parse, shown

_KEY = "styles"


class StyleBook(Observable):
    """`styles`: what can be chosen, in order; `own`: hers, stored between runs; `models`: what the service can load."""

    styles: Property[tuple[Style, ...]] = Property(())
    own: Property[tuple[OwnStyle, ...]] = Property(())
    models: Property[Models] = Property(Models())

    def __init__(self, store: KeyValueStore) -> None:
        super().__init__()
        self._store = store
        self._offered: tuple[Style, ...] = ()
        self.flaw = ""  #: what was wrong with the stored ones, as a sentence
        stored = store.read(_KEY)
        if stored:
            try:
                self.own = tuple(imported(stored, tr("The settings file")))
            except ValueError as error:
                self.flaw = str(error)

    @property
    def offered(self) -> tuple[Style, ...]:
        """The service's own."""
        return self._offered

    def offer(self, styles: tuple[Style, ...]) -> None:
        """What the service says that it has."""
        self._offered = styles
        self._join()

    def know(self, models: Models) -> None:
        """What the service says that it can load."""
        self.models = models
        self._join()

    def find(self, name: str) -> Style | None:
        """The one of that name."""
        return next((style for style in self.styles if style.name == name), None)

    def own_of(self, name: str) -> OwnStyle | None:
        """Hers of that name; None for a service's."""
        return next((own for own in self.own if own.name == name), None)

    def asked(self, name: str) -> tuple[str, dict[str, Any]]:
        """The service's style that is painted with, and the wire's `overrides`."""
        own = self.own_of(name)
        return (name, {}) if own is None else (own.basis, own.overrides())

    def language_notice(self, name: str, prompt: str) -> str:
        """What she should know when the style's model does not read her language; '' when it does."""
        own = self.own_of(name)
        return language_notice("en" if own is None else own.language, prompt)

    def keep(self, own: OwnStyle, instead_of: str = "") -> None:
        """Stores one of hers, in the place of the one with its name, or of the one it replaces."""
        others = [each for each in self.own if each.name not in (own.name, instead_of)]
        place = next((n for n, each in enumerate(self.own) if each.name in (own.name, instead_of)), len(others))
        self._store_own((*others[:place], own, *others[place:]))

    def forget(self, name: str) -> None:
        """Removes one of hers."""
        self._store_own(tuple(own for own in self.own if own.name != name))

    def take(self, text: str, name: str) -> list[OwnStyle]:
        """Adds the styles of a file, in the place of those with the same title. Raises ValueError, a sentence."""
        found = imported(text, name)
        for own in found:
            self.keep(own)
        return found

    def take_up(self, basis: str, overrides: dict[str, Any]) -> str:
        """The name of the style that asks for this: one there is, or one of hers that is made for it. Raises ValueError."""
        for own in self.own:
            if (own.basis, own.overrides()) == (basis, overrides):
                return own.name
        if not overrides:
            return basis
        begun = self.find(basis)
        title = self.free_title(tr("{title}, from a result", title=begun.title if begun else basis))
        changes = {member: value for member, value in overrides.items() if member != "loras"}
        made = parse({"title": title, "basis": basis, "changes": changes, "loras": overrides.get("loras"), "language": "en"})
        self.keep(made)
        return made.name

    def free_title(self, title: str, *, but: str = "") -> str:
        """The title, with a number when there is such a style already; `but`: the name of one that may have it."""
        taken = {own.title for own in self.own if own.name != but} | {style.title for style in self._offered}
        number, free = 2, title
        while free in taken:
            number, free = number + 1, f"{title} {number}"
        return free

    def _store_own(self, own: tuple[OwnStyle, ...]) -> None:
        self.own = own
        self._store.write(_KEY, exported(own))
        self._join()

    def _join(self) -> None:
        hers = [style for own in self.own if (style := shown(own, self._offered, self.models)) is not None]
        self.styles = (*self._offered, *hers)


def is_own(name: str) -> bool:
    """Whether a style is one of hers."""
    return name.startswith(OWN)

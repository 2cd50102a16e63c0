"""State in one line per property: setting a different value tells who listens."""

from __future__ import annotations

from typing import Any, Generic, TypeVar, overload

from ..qt import QObject, Signal

T = TypeVar("T")


class Property(Generic[T]):
    """A property of an Observable. A stored one (`store=True`) outlives Krita."""

    def __init__(self, default: T, *, store: bool = False) -> None:
        self.default = default
        self.store = store

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, instance: None, owner: type) -> Property[T]: ...
    @overload
    def __get__(self, instance: Observable, owner: type) -> T: ...
    def __get__(self, instance: Any, owner: type) -> Any:
        return self if instance is None else instance.__dict__.get(self.name, self.default)

    def __set__(self, instance: Observable, value: T) -> None:
        if value != self.__get__(instance, type(instance)):
            instance.__dict__[self.name] = value
            instance.changed.emit(self.name)


class Observable(QObject):
    """An object whose Property values announce their changes: `changed(name)`."""

    changed = Signal(str)

    @classmethod
    def properties(cls) -> dict[str, Property[Any]]:
        """Its properties by name, in the order they are written down."""
        return {name: each for kind in reversed(cls.__mro__) for name, each in vars(kind).items() if isinstance(each, Property)}

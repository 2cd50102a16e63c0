"""How moto finds what an answer shows in its own objects, with a memory: most of what its answers cost is this search."""

from __future__ import annotations

from typing import Any

from moto.core.serialize import AttributePickerContext, XFormedAttributePicker

#: By class, place in the answer and name: the attributes in which a value may be, and what is done to it.
_known: dict[tuple[type, str, str], tuple[tuple[str, ...], Any]] = {}
_MISSING = object()


class Picker(XFormedAttributePicker):
    """Finds what moto's picker finds."""

    def __call__(self, context: AttributePickerContext) -> Any:
        obj = context.obj
        place = (type(obj), context.key_path, context.key)
        if place not in _known:
            _known[place] = self._look(context)
        names, transform = _known[place]
        value: Any = None
        if hasattr(obj, "__getitem__"):
            value = next((obj[name] for name in names if _holds(obj, name)), None)
        else:
            for name in names:
                found = getattr(obj, name, _MISSING)
                if found is not _MISSING:
                    value = found
                    break
        return transform(value) if transform else value

    def _look(self, context: AttributePickerContext) -> tuple[tuple[str, ...], Any]:
        path = f"{context.key_path}.{context.key}"
        transform = next((change for end, change in self.response_transformers.items() if path.endswith(end)), None)
        return tuple(dict.fromkeys(self.get_possible_keys(context))), transform


def _holds(obj: Any, name: str) -> bool:
    try:
        obj[name]
    except (KeyError, IndexError, TypeError, AttributeError):
        return False
    return True

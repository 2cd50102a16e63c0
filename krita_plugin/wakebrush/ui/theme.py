"""Colours that go with Krita's light and dark themes: taken from the palette where it has them."""

from __future__ import annotations

from ..qt import QColor, QPalette, QWidget

#: (on a light theme, on a dark theme); each reads at 3 : 1 or better against its background.
_DOTS = {
    "off": ("#8a8a8a", "#8f8f8f"),
    "asleep": ("#5b78b4", "#86a3de"),
    "waking": ("#b87700", "#f0b240"),
    "ready": ("#2f8a3d", "#63c572"),
    "busy": ("#2f8a3d", "#63c572"),
    "trouble": ("#c0392b", "#f0705f"),
}


def is_dark(widget: QWidget) -> bool:
    """Whether the widget's theme is a dark one."""
    return bool(widget.palette().color(QPalette.ColorRole.Window).lightness() < 128)


def dot_colour(dot: str, widget: QWidget) -> QColor:
    """The colour of the state line's dot."""
    return QColor(_DOTS[dot][is_dark(widget)])


def accent(widget: QWidget) -> QColor:
    """Text that stands out, on the background of text fields."""
    dark = widget.palette().color(QPalette.ColorRole.Base).lightness() < 128
    return QColor("#8ab4f8" if dark else "#2a5db0")


def faint(widget: QWidget) -> QColor:
    """Text that may be overlooked: halfway between the theme's text and its background."""
    palette = widget.palette()
    text, window = palette.color(QPalette.ColorRole.WindowText), palette.color(QPalette.ColorRole.Window)
    part = 0.65
    return QColor(*(round(t * part + w * (1 - part)) for t, w in zip(text.getRgb()[:3], window.getRgb()[:3], strict=True)))

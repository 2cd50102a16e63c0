"""Sketching from words with plain arithmetic: composition first, then brush strokes, then the look of the style."""

from __future__ import annotations

from .brief import Brief
from .sketch import repaint, sketch

__all__ = ["Brief", "repaint", "sketch"]

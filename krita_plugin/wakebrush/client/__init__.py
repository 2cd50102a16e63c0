"""Speaks to the wake service (docs/wire.md); knows neither Qt nor Krita."""

"""Joins the canvas and the service: owns the state that the docker shows."""

from .session import Session

__all__ = ["Session"]

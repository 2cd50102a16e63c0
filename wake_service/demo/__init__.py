"""The guided tour behind `make demo`: one picture from a machine that sleeps, seen from an artist's side."""

from wake_service.demo.tour import run

__all__ = ["run"]

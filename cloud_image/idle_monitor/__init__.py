"""Decides whether the machine may stop, and stops it."""

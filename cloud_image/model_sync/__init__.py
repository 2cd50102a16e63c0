"""Brings models to the disk that the engine reads from."""

"""Graphs that ComfyUI clients bring: stored, judged, rewritten for an engine, followed, told."""

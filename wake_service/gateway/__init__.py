"""The service's ComfyUI-compatible face: one file per resource; no decisions."""

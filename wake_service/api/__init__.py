"""The HTTP and WebSocket surface (docs/wire.md): one file per resource, no decisions."""

"""The official Comfy API v2, ours from end to end: assets, jobs, events (docs/clients.md)."""

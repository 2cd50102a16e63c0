"""Everything that knows ComfyUI's protocol: graphs, validation, the client, wire events."""

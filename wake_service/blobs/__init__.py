"""Pictures by checksum: what artists upload and what engines make."""

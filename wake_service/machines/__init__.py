"""What GPUs we have, and which of them must be awake."""

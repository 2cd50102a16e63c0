"""Who asks, on whose behalf, and what they may spend."""

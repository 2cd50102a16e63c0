"""Model files in the pool's store: added with their licence, checked, listed, removed; and which of them a team has barred."""

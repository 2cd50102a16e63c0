"""A port on the artist's own computer for clients that can send no token."""

"""What artists asked for, from the acknowledgement to the picture."""

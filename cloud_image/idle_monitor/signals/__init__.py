"""Where work on this machine can be seen, one file each."""

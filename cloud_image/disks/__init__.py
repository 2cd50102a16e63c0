"""Finds the models' disk and the machine's own fast disks at boot, and mounts them; touches no disk that holds anything."""

"""Machines that are EC2 instances: found by tag, started by id, reached through their guard."""

"""Artists at work, made up or read from a trace: what a simulated day asks of the machines."""

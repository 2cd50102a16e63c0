"""One file per kind of machine, behind one Protocol (base.py)."""

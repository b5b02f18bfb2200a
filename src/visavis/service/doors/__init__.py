"""Doors: what programs that were written for another product can call."""

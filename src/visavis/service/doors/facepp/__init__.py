"""The Face++ door: programs that were written for Face++ v3 can call it."""

"""A database by a file's path or an address."""

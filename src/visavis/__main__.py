"""``python -m visavis``: the command line."""

from visavis.cli import program

program()

"""``python -m visavis``: the command line."""

from visavis.cli import main

main()

"""The weights: which packs there are, how they reach this machine unharmed, and the networks they hold."""

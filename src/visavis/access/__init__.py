"""Who may use it, for what, and how often: keys with a purpose, and what is kept of whom."""

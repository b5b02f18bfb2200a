"""A verdict for a person: as text for a terminal, as a page with pictures."""

"""The machine-readable zone: its forms, its check digits, and how it is read from what a recogniser saw."""

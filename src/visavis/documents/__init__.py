"""Identity documents: page, portrait, machine-readable zone and chip."""

"""Error rates of a pack on pictures of people whose identity is known (ISO/IEC 19795-1)."""

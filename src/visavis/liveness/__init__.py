"""Whether a live person stood before the camera."""

"""Components of face image quality by ISO/IEC 29794-5:2025: what is wrong with a picture of a face."""

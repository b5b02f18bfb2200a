"""The HTTP service: the library's answers for other programs, each under a key with a purpose."""

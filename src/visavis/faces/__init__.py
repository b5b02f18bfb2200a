"""Finding a face on a photo, bringing it into place, and reading it: Photo -> Face -> chip -> Template."""

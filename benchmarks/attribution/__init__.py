"""How fast it is decided which keywords a video is about: of all at once, one by one, and, too simply, by `in`."""

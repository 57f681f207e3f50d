"""What everybody may use: the cache folder, atomic writes, the timer's resolution."""

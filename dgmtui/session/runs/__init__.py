"""The recordings of a directory at a glance."""

"""Guests: what a container is, as wished for and as found, and the difference between the two."""

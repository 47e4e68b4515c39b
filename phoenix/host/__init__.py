"""The node itself: what its setup is made of, an aspect each. What is wanted, what is there, and the plan between."""

"""Scores of generated videos, with control rows beside them."""

"""Masks, colour, blending and paste-back, always inside the region of interest."""

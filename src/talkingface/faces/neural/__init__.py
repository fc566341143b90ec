"""Torch networks that find faces and landmarks, for those who want the released preparation."""

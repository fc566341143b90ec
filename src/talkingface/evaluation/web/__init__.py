"""The evaluation report as one self-contained web page."""

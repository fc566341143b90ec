"""Networks that other projects trained to restore, find and parse faces, in this project's own code."""

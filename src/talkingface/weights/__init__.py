"""Which weights exist, where they lie, and how they are opened."""

"""The embedded backend: geometry from sound by a small network, pixels from the person's own footage. No torch."""

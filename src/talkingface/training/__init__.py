"""Training of the networks that ship: one readable loop, one file a trainable thing."""

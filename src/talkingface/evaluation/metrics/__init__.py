"""A file a metric family: pure functions of tracks, embeddings and pictures."""

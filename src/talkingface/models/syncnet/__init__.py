"""Networks that embed lips and sound in one space, for evaluation and training."""

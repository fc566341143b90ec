"""The released networks in torch: expression editor, lip synthesis, identity up-sampling, and what they need."""

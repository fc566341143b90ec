"""Wav2Lip (Prajwal et al. 2020): the generator, its sync expert and its visual discriminator, in torch."""

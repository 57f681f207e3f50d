"""The plots and the vocabulary that the tales are made of."""

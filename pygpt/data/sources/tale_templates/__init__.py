"""The plots and the vocabulary of the tales."""

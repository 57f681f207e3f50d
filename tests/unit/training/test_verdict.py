"""The verdict on recorded curves (see curves/README in words: each was trained on NumPy with the settings in its name)."""

"""The settings of a run: experiments, their fields, and presets."""

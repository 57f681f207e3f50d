"""What describes a run: the experiment, its fields, the presets."""

"""pygpt: a GPT training lab."""

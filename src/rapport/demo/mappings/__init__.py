"""The mapping of every export, copied beside it."""

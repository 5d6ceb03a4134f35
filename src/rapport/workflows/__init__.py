"""One use case, one file, one function: here rooms meet."""

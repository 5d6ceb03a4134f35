"""One person from many records: deterministic, explained, reversible."""

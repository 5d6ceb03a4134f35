"""Where data lives: the ledger (rows, transactions) and the lake (columns, questions)."""

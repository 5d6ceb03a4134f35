"""How far the data can be trusted: shares with their intervals, volumes, and drift."""

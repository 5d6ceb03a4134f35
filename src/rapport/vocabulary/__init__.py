"""The nouns that cross rooms: frozen, typed, without behaviour of their own."""

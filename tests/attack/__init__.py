"""What a hostile or clumsy outsider sends, and what must hold all the same."""

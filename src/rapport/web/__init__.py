"""The web pages: they parse a request, call one workflow, and render; nothing is computed here."""

"""The browser of the page tests serves the README's picture too."""

from tests.web.conftest import browser_page, chromium, serve

__all__ = ["browser_page", "chromium", "serve"]

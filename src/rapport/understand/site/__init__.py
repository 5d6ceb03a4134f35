"""How a web site is used: its pages and elements, searches, what interests and what nobody uses."""

"""Definitions as small tables that people can read: what goes in, what is asked, what comes out.

Each `*.md` file here is a specification of one subject. A section holds a table of touchpoints (or
customers), a question in a `toml` block, and a table of the answer. `specification.py` reads them.
"""

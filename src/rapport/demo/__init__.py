"""The demo company: silo exports as real ones are, from a seed, and the truth behind them."""

from rapport.demo.company import DemoReport, generate

__all__ = ["DemoReport", "generate"]

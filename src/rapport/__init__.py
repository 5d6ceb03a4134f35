"""Rapport: a customer intelligence platform."""

__version__ = "0.1.0"

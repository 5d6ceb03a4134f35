"""Pieces that pages are made of: each a function from plain values to finished HTML."""

"""Discovered segments: kinds of customers found in what is known, and what they are like."""

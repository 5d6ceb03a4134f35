"""Matching by probability: which records that share no identifier are one person's."""

"""Segments: rules over customers, checked, compiled, evaluated and counted."""

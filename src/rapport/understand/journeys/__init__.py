"""Journeys: touchpoints of all channels as walks through stages, and where customers are lost."""

"""Collect: whatever a silo sends is either kept once or refused with a reason; read `intake`."""

"""Room 4: what customers will probably do, said only where a back-test stands behind it.

Read `score.py` first: history as known at a date → back-test → fit → scores with reasons.
"""

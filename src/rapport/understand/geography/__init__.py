"""Where customers live, how far that is from the company's shops, and the map to draw it on.

The outlines of regions and the gazetteer are cut at build time (`scripts/cut_geography.py`).
"""

"""Charts drawn on the server, one kind a file.

Lines and bars are stretched SVG with unscaled strokes; every label is HTML placed by percent,
so text keeps its size at any width. The values stand once in the page, in the "show data"
table, from which the pointer and the arrow keys read.
"""

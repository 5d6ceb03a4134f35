"""May we keep, use and show this, and to whom?"""

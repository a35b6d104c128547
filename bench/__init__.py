"""Measurements of the product, each runnable as `python -m bench.<name>`."""

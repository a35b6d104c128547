"""Vector Search: exact nearest neighbours over memory-mapped blocks."""

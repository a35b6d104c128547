"""Embeddings: sentences by all-MiniLM-L6-v2, pictures by a fixed descriptor."""

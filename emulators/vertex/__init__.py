"""The models process: vector search, embeddings and evidence-based generation on Vertex AI's wire."""

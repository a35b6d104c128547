"""The models process: vector search, embeddings and evidence-based generation on Vertex AI's wire."""

import os

# numpy's matrix library starts a thread per core unless told before it is first loaded; several requests run at a time here.
os.environ.setdefault("OPENBLAS_NUM_THREADS", str(min(4, os.cpu_count() or 1)))

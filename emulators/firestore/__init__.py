"""Firestore on this machine: what google-cloud-firestore calls, over gRPC or within the process."""

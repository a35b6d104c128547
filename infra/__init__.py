"""What deploys the functions: manifests, packages, locked requirements."""

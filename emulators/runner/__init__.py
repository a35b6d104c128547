"""Serves the whole product on one machine: a supervisor over four processes that read the functions' own manifests."""

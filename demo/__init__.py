"""`make demo`: a film made by code, watched, asked and searched through the public API."""

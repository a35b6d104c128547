"""Cloud Storage on one machine: the JSON API of Google's client, and V4 signed URLs that are really verified."""

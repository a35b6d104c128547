"""The console's files as browsers get them."""

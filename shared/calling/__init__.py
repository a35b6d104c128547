"""The product's own public API, called as any client calls it: with the credential of the caller in hand."""

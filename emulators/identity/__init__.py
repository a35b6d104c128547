"""The local token issuer: service accounts, the tokens pushes carry, and the users' JWTs."""

"""How stored things look on the wire; each module is one noun. What clients refuse as null is never null here."""

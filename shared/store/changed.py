"""The one refusal of the store that everybody has to know, apart from its client: who only catches it need not load that."""


class Changed(Exception):
    """Somebody else created or changed a document of the batch first; read again and decide again."""

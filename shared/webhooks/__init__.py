"""What an event is told with, and how: bytes, signatures, one attempt."""

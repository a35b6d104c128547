"""Calls to addresses that users name: only to public ones, checked where the connection is made."""

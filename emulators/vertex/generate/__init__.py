"""Answers `generateContent` from what can be seen, heard and read on this machine."""

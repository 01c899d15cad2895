"""Separation of overlapped speech by what is known of its speakers.

``mixture, identities -> masks -> each speaker alone``.
"""

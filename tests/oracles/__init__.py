"""Slow obvious twins of the fast paths, written from the definitions and importing nothing of the system.

Raw files or plain arrays come in, as a user would have them; each twin says in the shortest pandas or numpy
what the fast path must find; out go plain values that a test holds against the system's.
"""

"""The live page of `invoke dashboard`: a view of an endpoint, served on loopback.

Its address says what it shows (view), its data is read for all tabs at once (looks),
and what it may be asked for is in guard.
"""

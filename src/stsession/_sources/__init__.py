"""Resolves source=: the credentials that sign a request to STS."""

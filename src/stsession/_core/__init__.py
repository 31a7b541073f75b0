"""Keeps one set of credentials fresh; imports no AWS SDK."""

"""Boto3 clients for many roles, copied from templates: fast to make, and small."""

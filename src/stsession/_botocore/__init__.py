"""Adapters to botocore: sessions, models, config files, credentials, and errors."""

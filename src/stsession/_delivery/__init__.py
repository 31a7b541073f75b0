"""Delivery: credentials for programs that don't use this library."""

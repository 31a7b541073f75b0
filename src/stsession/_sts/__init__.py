"""Sends requests to STS, and returns credentials or raises an error of this library."""

"""
Sends requests to STS; returns credentials or an error of ours.
"""

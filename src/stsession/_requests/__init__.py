"""
Requests to STS as checked values.
"""

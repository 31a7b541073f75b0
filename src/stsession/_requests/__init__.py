"""STS requests as immutable values with checked arguments."""

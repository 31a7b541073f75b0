"""The command line: its commands call the public functions of this library."""

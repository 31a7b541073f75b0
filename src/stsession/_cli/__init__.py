"""The command line, on the public functions of the library."""

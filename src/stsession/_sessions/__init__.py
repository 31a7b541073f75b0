"""The public functions and session classes, and how they are wired."""

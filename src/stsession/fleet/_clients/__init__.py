"""
Cheap clients for many roles, made from templates.
"""

"""
Everything done to botocore: sessions, models, config, credentials, errors.
"""

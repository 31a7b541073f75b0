"""
From arguments to STS parameters: MFA codes, web identity tokens, SAML assertions.
"""

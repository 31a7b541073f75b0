"""
Supplies the tokens of STS requests: MFA codes, web identity tokens, SAML assertions.
"""

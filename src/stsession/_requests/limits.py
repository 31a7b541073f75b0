"""
What STS allows, as data.

botocore checks some minimums and nothing else, so everything here would
otherwise come back as an error of STS, from the first call that is signed.

AWS raises limits from time to time; what exceeds one of these is compared with the
installed SDK's models, at the paths given here.
"""

from __future__ import annotations

from .bounds_part import ARN_CHARACTERS, DIGITS, TAG_CHARACTERS, Limit


__all__ = []


_API = "https://docs.aws.amazon.com/STS/latest/APIReference/API_"
_ASSUME_ROLE = f"{_API}AssumeRole.html"
_ASSUME_ROOT = f"{_API}AssumeRoot.html"
_FEDERATION_TOKEN = f"{_API}GetFederationToken.html"
_SAML = f"{_API}AssumeRoleWithSAML.html"
_SESSION_TOKEN = f"{_API}GetSessionToken.html"
_WEB_IDENTITY = f"{_API}AssumeRoleWithWebIdentity.html"
_IAM_LIMITS = (
    "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"
)
_SESSION_TAGS = "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html"
_CHAINING = (
    "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles.html"
    "#iam-term-role-chaining"
)

_NAME = r"[\w+=,.@-]"
_EXTERNAL_ID = r"[\w+=,.@:\/-]"
_SERIAL_NUMBER = r"[\w+=/:,.@-]"
_POLICY = r"[\u0009\u000A\u000D\u0020-\u00FF]"

ROLE_ARN = Limit(
    parameter="role_arn",
    minimum=20,
    maximum=2048,
    source=_ASSUME_ROLE,
    characters=ARN_CHARACTERS,
    paths=(
        "sts.AssumeRole.RoleArn",
        "sts.AssumeRoleWithWebIdentity.RoleArn",
        "sts.AssumeRoleWithSAML.RoleArn",
    ),
)
ROLE_PATH = Limit(
    parameter="role_arn",
    minimum=1,
    maximum=512,
    source=_IAM_LIMITS,
    authority="IAM",
    paths=("iam.CreateRole.Path",),
)
ROLE_NAME = Limit(
    parameter="role_arn",
    minimum=1,
    maximum=64,
    source=_IAM_LIMITS,
    characters=_NAME,
    authority="IAM",
    paths=("iam.CreateRole.RoleName",),
)
ROLE_SESSION_NAME = Limit(
    parameter="role_session_name",
    minimum=2,
    maximum=64,
    source=_ASSUME_ROLE,
    characters=_NAME,
    hint="Shorten it or replace what isn't allowed, or leave it out for a default.",
    paths=(
        "sts.AssumeRole.RoleSessionName",
        "sts.AssumeRoleWithWebIdentity.RoleSessionName",
    ),
)
ROLE_DURATION = Limit(
    parameter="duration_seconds",
    minimum=900,
    maximum=43_200,
    source=_ASSUME_ROLE,
    hint="The role itself may allow less than 12 hours.",
    paths=(
        "sts.AssumeRole.DurationSeconds",
        "sts.AssumeRoleWithWebIdentity.DurationSeconds",
        "sts.AssumeRoleWithSAML.DurationSeconds",
    ),
)
CHAINED_DURATION = Limit(
    parameter="duration_seconds",
    minimum=900,
    maximum=3600,
    source=_CHAINING,
    authority="role chaining (a role assumed by a role)",
    hint="Leave it out: the session renews itself, however short its lives are.",
)
EXTERNAL_ID = Limit(
    parameter="external_id",
    minimum=2,
    maximum=1224,
    source=_ASSUME_ROLE,
    characters=_EXTERNAL_ID,
    sensitive=True,
    hint="Look for white space and line ends that were copied with it.",
    paths=("sts.AssumeRole.ExternalId",),
)
POLICY = Limit(
    parameter="policy",
    minimum=1,
    maximum=2048,  # the service model has none, the documentation has
    source=_ASSUME_ROLE,
    characters=_POLICY,
    sensitive=True,
    hint="This is the documented limit for the text of all session policies "
    "together, counted without white space. Use fewer statements, or managed "
    "policies by policy_arns.",
    paths=(
        "sts.AssumeRole.Policy",
        "sts.AssumeRoleWithWebIdentity.Policy",
        "sts.AssumeRoleWithSAML.Policy",
        "sts.GetFederationToken.Policy",
    ),
)
POLICY_ARNS = Limit(
    parameter="policy_arns",
    minimum=0,
    maximum=10,
    source=_ASSUME_ROLE,
    paths=(
        "sts.AssumeRole.PolicyArns",
        "sts.AssumeRoleWithWebIdentity.PolicyArns",
        "sts.AssumeRoleWithSAML.PolicyArns",
        "sts.GetFederationToken.PolicyArns",
    ),
)
POLICY_ARN = Limit(
    parameter="policy_arns",
    minimum=20,
    maximum=2048,
    source=_ASSUME_ROLE,
    characters=ARN_CHARACTERS,
    hint="A managed policy's ARN looks like arn:aws:iam::aws:policy/ReadOnlyAccess.",
    paths=(
        "sts.AssumeRole.PolicyArns[].arn",
        "sts.AssumeRoleWithWebIdentity.PolicyArns[].arn",
        "sts.AssumeRoleWithSAML.PolicyArns[].arn",
        "sts.GetFederationToken.PolicyArns[].arn",
    ),
)
TAGS = Limit(
    parameter="tags",
    minimum=0,
    maximum=50,
    source=_SESSION_TAGS,
    paths=(
        "sts.AssumeRole.Tags",
        "sts.GetFederationToken.Tags",
    ),
)
TAG_KEY = Limit(
    parameter="tags",
    minimum=1,
    maximum=128,
    source=_SESSION_TAGS,
    characters=TAG_CHARACTERS,
    paths=(
        "sts.AssumeRole.Tags[].Key",
        "sts.GetFederationToken.Tags[].Key",
    ),
)
TAG_VALUE = TAG_KEY._replace(
    minimum=0,
    maximum=256,
    sensitive=True,
    paths=(
        "sts.AssumeRole.Tags[].Value",
        "sts.GetFederationToken.Tags[].Value",
    ),
)
TRANSITIVE_TAG_KEYS = TAGS._replace(
    parameter="transitive_tag_keys",
    paths=("sts.AssumeRole.TransitiveTagKeys",),
)
TRANSITIVE_TAG_KEY = TAG_KEY._replace(
    parameter="transitive_tag_keys",
    paths=("sts.AssumeRole.TransitiveTagKeys[]",),
)
SOURCE_IDENTITY = Limit(
    parameter="source_identity",
    minimum=2,
    maximum=256,
    source=_ASSUME_ROLE,
    characters=_NAME,
    paths=("sts.AssumeRole.SourceIdentity",),
)
PROVIDED_CONTEXTS = Limit(
    parameter="provided_contexts",
    minimum=1,
    maximum=5,
    source=_ASSUME_ROLE,
    hint="Leave it out if there are none.",
    paths=("sts.AssumeRole.ProvidedContexts",),
)
CONTEXT_PROVIDER = Limit(
    parameter="provided_contexts",
    minimum=20,
    maximum=2048,
    source=_ASSUME_ROLE,
    characters=ARN_CHARACTERS,
    paths=("sts.AssumeRole.ProvidedContexts[].ProviderArn",),
)
CONTEXT_ASSERTION = Limit(
    parameter="provided_contexts",
    minimum=4,
    maximum=3072,
    source=_ASSUME_ROLE,
    sensitive=True,
    paths=("sts.AssumeRole.ProvidedContexts[].ContextAssertion",),
)

SERIAL_NUMBER = Limit(
    parameter="mfa_serial",
    minimum=9,
    maximum=256,
    source=_SESSION_TOKEN,
    characters=_SERIAL_NUMBER,
    sensitive=True,
    hint="It is the device's ARN, like arn:aws:iam::123456789012:mfa/alice, or what "
    "is printed on a hardware device.",
    paths=(
        "sts.AssumeRole.SerialNumber",
        "sts.GetSessionToken.SerialNumber",
    ),
)
TOKEN_CODE = Limit(
    parameter="mfa_code",
    minimum=6,
    maximum=6,
    source=_SESSION_TOKEN,
    characters=DIGITS,
    sensitive=True,
    hint="Pass the six digits as a str, with the zeros at their start and no spaces.",
    paths=(
        "sts.AssumeRole.TokenCode",
        "sts.GetSessionToken.TokenCode",
    ),
)
TOKEN_DURATION = Limit(
    parameter="duration_seconds",
    minimum=900,
    maximum=129_600,
    source=_SESSION_TOKEN,
    hint="For the root user of an account it is an hour at most.",
    paths=("sts.GetSessionToken.DurationSeconds",),
)
FEDERATED_USER = Limit(
    parameter="name",
    minimum=2,
    maximum=32,
    source=_FEDERATION_TOKEN,
    characters=_NAME,
    paths=("sts.GetFederationToken.Name",),
)
FEDERATED_DURATION = TOKEN_DURATION._replace(
    source=_FEDERATION_TOKEN,
    paths=("sts.GetFederationToken.DurationSeconds",),
)
WEB_IDENTITY_TOKEN = Limit(
    parameter="token",
    minimum=4,
    maximum=20_000,
    source=_WEB_IDENTITY,
    sensitive=True,
    hint="Look whether it is there at all, and not some other file or answer.",
    paths=("sts.AssumeRoleWithWebIdentity.WebIdentityToken",),
)
PROVIDER_ID = Limit(
    parameter="provider_id",
    minimum=4,
    maximum=2048,
    source=_WEB_IDENTITY,
    hint="Leave it out for the tokens of OpenID Connect; it is for OAuth 2.0 only.",
    paths=("sts.AssumeRoleWithWebIdentity.ProviderId",),
)
PRINCIPAL_ARN = Limit(
    parameter="principal_arn",
    minimum=20,
    maximum=2048,
    source=_SAML,
    characters=ARN_CHARACTERS,
    paths=("sts.AssumeRoleWithSAML.PrincipalArn",),
)
PROVIDER_NAME = Limit(
    parameter="principal_arn",
    minimum=1,
    maximum=128,
    source="https://docs.aws.amazon.com/IAM/latest/APIReference/"
    "API_CreateSAMLProvider.html",
    characters=r"[\w._-]",
    authority="IAM",
    paths=("iam.CreateSAMLProvider.Name",),
)
ASSERTION = Limit(
    parameter="assertion",
    minimum=4,
    maximum=100_000,
    source=_SAML,
    sensitive=True,
    hint="It is what the login page posts as SAMLResponse.",
    paths=("sts.AssumeRoleWithSAML.SAMLAssertion",),
)
TARGET_PRINCIPAL = Limit(
    parameter="target_principal",
    minimum=12,
    maximum=2048,
    source=_ASSUME_ROOT,
    characters=ARN_CHARACTERS,
    paths=("sts.AssumeRoot.TargetPrincipal",),
)
TASK_POLICY_ARN = Limit(
    parameter="task_policy_arn",
    minimum=20,
    maximum=2048,
    source=_ASSUME_ROOT,
    characters=ARN_CHARACTERS,
    paths=("sts.AssumeRoot.TaskPolicyArn.arn",),
)
ROOT_DURATION = Limit(
    parameter="duration_seconds",
    minimum=0,
    maximum=900,
    source=_ASSUME_ROOT,
    paths=("sts.AssumeRoot.DurationSeconds",),
)

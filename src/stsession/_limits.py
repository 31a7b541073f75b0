"""
What STS allows, as data.

botocore checks some minimums and nothing else, so everything here would
otherwise come back as an error of STS, from the first call that is signed.
"""

from __future__ import annotations

from ._bounds import TAG_CHARACTERS, Limit


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

_ARN = "[!-~]"  # the model has more, but the names and paths of IAM don't
_NAME = r"[\w+=,.@-]"
_EXTERNAL_ID = r"[\w+=,.@:\/-]"
_SERIAL_NUMBER = r"[\w+=/:,.@-]"
_POLICY = r"[\u0009\u000A\u000D\u0020-\u00FF]"

ROLE_ARN = Limit(
    parameter="role_arn", minimum=20, maximum=2048, source=_ASSUME_ROLE, characters=_ARN
)
ROLE_PATH = Limit(
    parameter="role_arn", minimum=1, maximum=512, source=_IAM_LIMITS, authority="IAM"
)
ROLE_NAME = Limit(
    parameter="role_arn",
    minimum=1,
    maximum=64,
    source=_IAM_LIMITS,
    characters=_NAME,
    authority="IAM",
)
ROLE_SESSION_NAME = Limit(
    parameter="role_session_name",
    minimum=2,
    maximum=64,
    source=_ASSUME_ROLE,
    characters=_NAME,
    hint="Shorten it or replace what isn't allowed, or leave it out for a default.",
)
ROLE_DURATION = Limit(
    parameter="duration_seconds",
    minimum=900,
    maximum=43_200,
    source=_ASSUME_ROLE,
    hint="The role itself may allow less than 12 hours.",
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
)
POLICY_ARNS = Limit(parameter="policy_arns", minimum=0, maximum=10, source=_ASSUME_ROLE)
POLICY_ARN = Limit(
    parameter="policy_arns",
    minimum=20,
    maximum=2048,
    source=_ASSUME_ROLE,
    characters=_ARN,
    hint="A managed policy's ARN looks like arn:aws:iam::aws:policy/ReadOnlyAccess.",
)
TAGS = Limit(parameter="tags", minimum=0, maximum=50, source=_SESSION_TAGS)
TAG_KEY = Limit(
    parameter="tags",
    minimum=1,
    maximum=128,
    source=_SESSION_TAGS,
    characters=TAG_CHARACTERS,
)
TAG_VALUE = TAG_KEY._replace(minimum=0, maximum=256, sensitive=True)
TRANSITIVE_TAG_KEYS = TAGS._replace(parameter="transitive_tag_keys")
TRANSITIVE_TAG_KEY = TAG_KEY._replace(parameter="transitive_tag_keys")
SOURCE_IDENTITY = Limit(
    parameter="source_identity",
    minimum=2,
    maximum=64,
    source=_ASSUME_ROLE,
    characters=_NAME,
)
PROVIDED_CONTEXTS = Limit(
    parameter="provided_contexts",
    minimum=1,
    maximum=5,
    source=_ASSUME_ROLE,
    hint="Leave it out if there are none.",
)
CONTEXT_PROVIDER = Limit(
    parameter="provided_contexts",
    minimum=20,
    maximum=2048,
    source=_ASSUME_ROLE,
    characters=_ARN,
)
CONTEXT_ASSERTION = Limit(
    parameter="provided_contexts",
    minimum=4,
    maximum=2048,
    source=_ASSUME_ROLE,
    sensitive=True,
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
)
TOKEN_CODE = Limit(
    parameter="mfa_code",
    minimum=6,
    maximum=6,
    source=_SESSION_TOKEN,
    characters="[0-9]",
    sensitive=True,
    hint="Pass the six digits as a str, with the zeros at their start and no spaces.",
)
TOKEN_DURATION = Limit(
    parameter="duration_seconds",
    minimum=900,
    maximum=129_600,
    source=_SESSION_TOKEN,
    hint="For the root user of an account it is an hour at most.",
)
FEDERATED_USER = Limit(
    parameter="name",
    minimum=2,
    maximum=32,
    source=_FEDERATION_TOKEN,
    characters=_NAME,
)
FEDERATED_DURATION = TOKEN_DURATION._replace(source=_FEDERATION_TOKEN)
WEB_IDENTITY_TOKEN = Limit(
    parameter="token",
    minimum=4,
    maximum=20_000,
    source=_WEB_IDENTITY,
    sensitive=True,
    hint="Look whether it is there at all, and not some other file or answer.",
)
PROVIDER_ID = Limit(
    parameter="provider_id",
    minimum=4,
    maximum=2048,
    source=_WEB_IDENTITY,
    hint="Leave it out for the tokens of OpenID Connect; it is for OAuth 2.0 only.",
)
PRINCIPAL_ARN = Limit(
    parameter="principal_arn",
    minimum=20,
    maximum=2048,
    source=_SAML,
    characters=_ARN,
)
PROVIDER_NAME = Limit(
    parameter="principal_arn",
    minimum=1,
    maximum=128,
    source="https://docs.aws.amazon.com/IAM/latest/APIReference/"
    "API_CreateSAMLProvider.html",
    characters=r"[\w.-]",
    authority="IAM",
)
ASSERTION = Limit(
    parameter="assertion",
    minimum=4,
    maximum=100_000,
    source=_SAML,
    sensitive=True,
    hint="It is what the login page posts as SAMLResponse.",
)
TARGET_PRINCIPAL = Limit(
    parameter="target_principal",
    minimum=12,
    maximum=2048,
    source=_ASSUME_ROOT,
    characters=_ARN,
)
TASK_POLICY_ARN = Limit(
    parameter="task_policy_arn",
    minimum=20,
    maximum=2048,
    source=_ASSUME_ROOT,
    characters=_ARN,
)
ROOT_DURATION = Limit(
    parameter="duration_seconds", minimum=0, maximum=900, source=_ASSUME_ROOT
)

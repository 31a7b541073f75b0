"""The programs whose start is measured: the shortest code for the purpose."""

from __future__ import annotations

from .server import BUCKET, role_arn


__all__ = ["program"]

STSESSION = """
import stsession

session = stsession.assume("{role}", source="source")
"""

FLEET = """
import stsession

session = stsession.Fleet(["{role}"], source="source").session("{role}")
"""

RECIPE = """
import boto3
import botocore.credentials
import botocore.session

sts = boto3.Session(profile_name="source").client("sts")

def refresh():
    answer = sts.assume_role(RoleArn="{role}", RoleSessionName="recipe")["Credentials"]
    return {{
        "access_key": answer["AccessKeyId"],
        "secret_key": answer["SecretAccessKey"],
        "token": answer["SessionToken"],
        "expiry_time": answer["Expiration"].isoformat(),
    }}

credentials = botocore.credentials.RefreshableCredentials.create_from_metadata(
    metadata=refresh(), refresh_using=refresh, method="sts-assume-role"
)
inner = botocore.session.get_session()
inner._credentials = credentials
session = boto3.Session(botocore_session=inner)
"""

PROFILE = """
import os

os.environ["AWS_CONFIG_FILE"] = os.environ["BENCHMARK_PROFILES"]

import boto3

session = boto3.Session(profile_name="role0")
"""

AWS_ASSUME_ROLE_LIB = """
import aws_assume_role_lib
import boto3

source = boto3.Session(profile_name="source")
session = aws_assume_role_lib.assume_role(source, "{role}")
"""

BOTO3_REFRESH_SESSION = """
from boto3_refresh_session import AssumeRoleConfig, RefreshableSession

session = RefreshableSession(
    assume_role_kwargs=AssumeRoleConfig(RoleArn="{role}"), profile_name="source"
)
"""

BOTO3_ASSUME = """
import boto3
import boto3_assume

session = boto3_assume.assume_role(
    source_session=boto3.Session(profile_name="source"),
    assume_role_kwargs={{"RoleArn": "{role}", "RoleSessionName": "bench"}},
)
"""

BOTO_SESSION_MANAGER = """
from boto_session_manager.api import BotoSesManager

manager = BotoSesManager(profile_name="source")
session = manager.assume_role(
    "{role}", duration_seconds=3600, auto_refresh=True
).boto_ses
"""

STATIC_KEYS = """
import boto3

session = boto3.Session(profile_name="source")
"""

REQUEST = """
session.client("s3").list_objects_v2(Bucket="{bucket}")

import os

os._exit(0)  # skips the exit of the interpreter
"""

SESSIONS = {
    "stsession": STSESSION,
    "fleet": FLEET,
    "recipe": RECIPE,
    "profile": PROFILE,
    "aws-assume-role-lib": AWS_ASSUME_ROLE_LIB,
    "boto3-refresh-session": BOTO3_REFRESH_SESSION,
    "boto3-assume": BOTO3_ASSUME,
    "boto-session-manager": BOTO_SESSION_MANAGER,
    "static keys": STATIC_KEYS,
}


def program(name: str) -> str:
    """Return the program of a contender."""
    return (SESSIONS[name] + REQUEST).format(role=role_arn(0), bucket=BUCKET)

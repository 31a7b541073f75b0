"""Other programs work across several session durations: ``nox -s tools``."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys

import pytest

from stsession.testing import LocalSTS

from ..children import child


ROLE = "arn:aws:iam::123456789012:role/Reader"
SESSIONS = 5
"""How many sessions a program has to see, one after the other."""

STSESSION = (sys.executable, "-m", "stsession")

# Each program prints a line for each call, until its input ends.
PROGRAM = """
import os, select, sys
{setup}
while not select.select([sys.stdin], [], [], 0)[0]:
    assert b"value" == {call}
    print("ok", flush=True)
os._exit(0)  # threads of native libraries may abort an ordinary exit
"""

PROGRAMS = {
    "boto3": (
        "import boto3; s3 = boto3.client('s3', endpoint_url=os.environ['URL'])",
        "s3.get_object(Bucket='bucket', Key='key')['Body'].read()",
    ),
    "aws": (
        "import subprocess",
        "subprocess.run([os.environ['AWS'], 's3', 'cp', 's3://bucket/key', '-',"
        " '--endpoint-url', os.environ['URL']], check=True, stdin=subprocess.DEVNULL,"
        " stdout=subprocess.PIPE).stdout",
    ),
    "pyarrow": (
        "from pyarrow.fs import S3FileSystem; "
        "s3 = S3FileSystem(endpoint_override=os.environ['URL'].split('/')[-1],"
        " scheme='http')",
        "s3.open_input_stream('bucket/key').read()",
    ),
    "obstore": (
        "from obstore.store import S3Store; s3 = S3Store('bucket',"
        " endpoint=os.environ['URL'], client_options={'allow_http': True})",
        "bytes(s3.get('key').bytes())",
    ),
    "polars": (
        "import polars; options = {'aws_endpoint_url': os.environ['URL'],"
        " 'aws_allow_http': 'true'}",
        "polars.scan_csv('s3://bucket/key.csv', storage_options=options)"
        ".collect()['name'][0].encode()",
    ),
    "deltalake": (
        "import deltalake, pyarrow; options = {'aws_endpoint_url': os.environ['URL'],"
        " 'aws_allow_http': 'true', 'aws_s3_allow_unsafe_rename': 'true'}\n"
        "deltalake.write_deltalake('s3://bucket/table',"
        " pyarrow.table({'name': ['value']}), storage_options=options)",
        "deltalake.DeltaTable('s3://bucket/table', storage_options=options)"
        ".to_pyarrow_table()['name'][0].as_py().encode()",
    ),
}

JAVASCRIPT = """
const {S3Client, GetObjectCommand} = require("@aws-sdk/client-s3");
const s3 = new S3Client({endpoint: process.env.URL, forcePathStyle: true});
let ended = false;
process.stdin.on("end", () => { ended = true; }).resume();
(async () => {
    while (!ended) {
        const get = new GetObjectCommand({Bucket: "bucket", Key: "key"});
        const {Body} = await s3.send(get);
        if (await Body.transformToString() !== "value") process.exit(1);
        console.log("ok");
    }
    process.exit(0);
})();
"""


@pytest.fixture(name="local")
def _local():
    """Sessions that last for ten seconds."""
    with LocalSTS(lifetime_scale=1 / 360) as local:
        local.add_role(ROLE)
        objects = {"key": b"value", "key.csv": b"name\nvalue\n"}
        local.add_bucket("bucket", objects=objects)
        yield local


@pytest.fixture(name="environment")
def _environment(local, tmp_path):
    files = local.write_profile(tmp_path, key=local.add_user(), name="ci")
    return {
        **{k: v for k, v in os.environ.items() if not k.startswith("AWS_")},
        **files.environment,
        "AWS_ENDPOINT_URL_STS": local.endpoint_url,
        "STSESSION_CACHE_DIR": os.fspath(tmp_path / "cache"),
        "URL": local.s3_endpoint_url,
        "AWS": os.environ.get("TOOLS_AWS_CLI", ""),
        "NODE_PATH": os.environ.get("TOOLS_NODE_MODULES", ""),
    }


def program_of(name):
    """The program that uses a library, if that is installed."""
    if name == "JavaScript":
        if not os.environ.get("TOOLS_NODE_MODULES"):
            pytest.skip("TOOLS_NODE_MODULES isn't the path of the SDK for JavaScript")
        return ["node", "--eval", JAVASCRIPT]
    if name == "aws" and not os.environ.get("TOOLS_AWS_CLI"):
        pytest.skip("TOOLS_AWS_CLI isn't the path of the AWS CLI")
    if name != "aws" and importlib.util.find_spec(name) is None:
        pytest.skip(f"{name} isn't installed")
    setup, call = PROGRAMS[name]
    return [sys.executable, "-c", PROGRAM.format(setup=setup, call=call)]


def calls_of(local, command, environment):
    """How often a program called S3 until it had seen all sessions."""
    calls = 0
    with child(
        command,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        for line in process.stdout:
            assert "ok\n" == line
            calls += 1
            if len(local.issued(role_arn=ROLE)) > SESSIONS:
                process.stdin.close()
                break
        assert 0 == process.wait(60)
    return calls


@pytest.mark.parametrize("name", [*PROGRAMS, "JavaScript"])
def test_by_endpoint(local, environment, name):
    """The program gets later sessions from the endpoint of `stsession exec`."""
    command = [*STSESSION, "exec", "--role-arn", ROLE, *program_of(name)]

    assert SESSIONS < calls_of(local, command, environment)


@pytest.mark.parametrize("name", ["boto3", "aws", "JavaScript"])
def test_by_process(local, environment, name):
    """The program gets later sessions by the process of a profile."""
    program = program_of(name)
    configure = [*STSESSION, "configure", "reader", "--role-arn", ROLE]
    subprocess.run([*configure, "--source", "ci"], env=environment, check=True)
    profile = {"AWS_PROFILE": "reader"}

    assert SESSIONS < calls_of(local, program, {**environment, **profile})


LEFT_OVER = {
    "default profile": {},
    "AWS_PROFILE": {"AWS_PROFILE": "default"},
    "keys": {"AWS_ACCESS_KEY_ID": "AKIAOTHER", "AWS_SECRET_ACCESS_KEY": "other"},
    "web identity": {
        "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/Other",
        "AWS_WEB_IDENTITY_TOKEN_FILE": "/no/token",
    },
}


@pytest.mark.parametrize("left_over", LEFT_OVER)
@pytest.mark.parametrize("name", [*PROGRAMS, "JavaScript"])
def test_no_other_credentials(local, environment, tmp_path, name, left_over):
    """The program is the role, whatever the user's files and variables say."""
    other = local.add_user(name="other")
    local.write_profile(tmp_path, key=other, name="default")
    program = program_of(name)
    command = [*STSESSION, "exec", "--role-arn", ROLE, "--source", "ci", *program]

    with child(
        command,
        env={**environment, **LEFT_OVER[left_over]},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert "ok\n" == process.stdout.readline()
        process.stdin.close()
        assert 0 == process.wait(60)

    signed = {call.access_key_id for call in local.calls() if call.service == "s3"}
    assert signed <= {key.access_key_id for key in local.issued(role_arn=ROLE)}
    assert signed

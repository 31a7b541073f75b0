"""The cache of the command line, and the start of the script that reads it."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import sys

from pathlib import Path
from unittest import mock

import pytest

import _stsession_start as start

from stsession._delivery import file_cache
from stsession._delivery.records import RecordStore, default_directory
from stsession.testing import Fault, LocalSTS

from .children import run_child


ROLE = "arn:aws:iam::123456789012:role/Reader"
ROLE_OPTIONS = ("--role-arn", ROLE, "--source", "ci")
PROCESS = ("credential-process", *ROLE_OPTIONS)
STARTS = int(os.environ.get("CREDENTIAL_PROCESS_STARTS", "30"))
EXTERNAL_ID = "b3d9-71aa-planted"

FORBIDDEN = {
    "attrs",
    "boto3",
    "botocore",
    "click",
    "filelock",
    "json",
    "re",
    "stsession",
    "typing",
}
"""Modules that take longer to load than all the rest."""

posix = pytest.mark.skipif(os.name == "nt", reason="modes of files, and links")


@pytest.fixture(name="local", scope="module")
def _local():
    with LocalSTS() as local:
        local.add_role(ROLE)
        yield local


@pytest.fixture(name="files", autouse=True)
def _files(local, tmp_path, monkeypatch):
    """The profile of a user, in files that weren't written just now, and a cache."""
    files = local.write_profile(tmp_path, key=local.add_user(), name="ci")
    for name, value in files.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE")
    monkeypatch.setenv("STSESSION_CACHE_DIR", os.fspath(tmp_path / "cache"))
    monkeypatch.setenv("STSESSION_CALLERS", "")
    for path in (files.config_file, files.credentials_file):
        os.utime(path, (1e9, 1e9))
    return files


@pytest.fixture(name="cache")
def _cache():
    return RecordStore()


@pytest.fixture(name="run")
def _run(capfd):
    """A function that runs a command in this process, as the script does."""

    def run(*arguments, expected=0):
        os.environ["STSESSION_CALLERS"] = ""
        with mock.patch.object(sys, "argv", ["stsession", *arguments]):
            assert expected == start.main()
        return capfd.readouterr()

    return run


@pytest.fixture(name="is_hit")
def _is_hit():
    """A function that returns whether the script would load nothing else."""

    def is_hit(*arguments):
        with (
            mock.patch.object(sys, "argv", ["stsession", *arguments]),
            mock.patch("stsession.__main__.main", return_value=99),
        ):
            return start.main() != 99

    return is_hit


def age(cache, key, record, seconds):
    """Store a record as if it had been issued some seconds earlier."""
    moved = record._replace(
        issued=record.issued - seconds, expires=record.expires - seconds
    )
    cache.write(key, moved)


class TestStart:
    def test_loads_nothing(self, run, local):
        """The second process prints what the first one did, and loads no module."""
        first = run(*PROCESS).out
        program = (
            "import sys, _stsession_start; status = _stsession_start.main(); "
            "print(*sorted(sys.modules), file=sys.stderr); sys.exit(status)"
        )
        before = local.count("AssumeRole")
        src = os.fspath(Path(start.__file__).parent)
        done = run_child(
            [sys.executable, "-S", "-c", program, *PROCESS],
            env={**os.environ, "PYTHONPATH": src},
            capture_output=True,
            text=True,
        )

        assert (0, first) == (done.returncode, done.stdout)
        assert set() == FORBIDDEN & set(done.stderr.split())
        assert before == local.count("AssumeRole")

    def test_depends_on_arguments_and_variables(self, run, is_hit, monkeypatch):
        """Any other argument or variable may mean other credentials."""
        run(*PROCESS)

        assert is_hit(*PROCESS)
        assert not is_hit(*PROCESS, "--region", "eu-west-1")
        assert not is_hit(*PROCESS, "--no-cache")
        monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "of no importance")
        assert is_hit(*PROCESS)
        monkeypatch.setenv("AWS_PROFILE", "other")
        assert not is_hit(*PROCESS)

    @pytest.mark.parametrize("name", ["config_file", "credentials_file"])
    def test_depends_on_files(self, run, is_hit, files, name):
        """A profile may belong to another user by now."""
        run(*PROCESS)
        with Path(getattr(files, name)).open("a") as file:
            file.write("# changed\n")

        assert not is_hit(*PROCESS)

    def test_file_that_may_change_unnoticed(self, run, is_hit, files):
        """A file that was just written may be written again at the same time."""
        os.utime(files.config_file)
        run(*PROCESS)

        assert not is_hit(*PROCESS)

    def test_depends_on_the_policy(self, run, is_hit, tmp_path):
        """A session policy in a file is part of the request."""
        policy = tmp_path / "policy.json"
        policy.write_text('{"Statement": []}')
        os.utime(policy, (1e9, 1e9))
        arguments = (*PROCESS, "--policy", f"@{policy}")
        run(*arguments)

        assert is_hit(*arguments)
        policy.write_text('{"Statement": [ ]}')
        assert not is_hit(*arguments)

    def test_depends_on_the_directory_of_the_policy(
        self, run, is_hit, tmp_path, monkeypatch
    ):
        """A relative path is that of another file in another directory."""
        arguments = (*PROCESS, "--policy", "@policy.json")
        for name, statement in {"one": "[]", "two": "[ ]"}.items():
            policy = tmp_path / name / "policy.json"
            policy.parent.mkdir()
            policy.write_text(f'{{"Statement": {statement}}}')
            os.utime(policy, (1e9, 1e9))
        monkeypatch.chdir(tmp_path / "one")
        run(*arguments)
        monkeypatch.chdir(tmp_path / "two")

        assert not is_hit(*arguments)

    @posix
    def test_path_in_another_encoding(self, run, is_hit, tmp_path):
        """The path of a file may be no valid UTF-8."""
        policy = tmp_path / os.fsdecode(b"caf\xe9.json")
        try:
            policy.write_text('{"Statement": []}')
        except OSError:
            pytest.skip("this file system has only UTF-8")
        os.utime(policy, (1e9, 1e9))
        arguments = (*PROCESS, "--policy", f"@{policy}")
        run(*arguments)

        assert is_hit(*arguments)

    @pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")  # noqa: PTH110 - of a str
    @pytest.mark.parametrize("command", ["credential-process", "env", "whoami"])
    def test_output_to_a_full_disk(self, run, command):
        """An error says so, whether the credentials are cached or not."""
        for _ in range(2):
            with open("/dev/full", "w") as full, mock.patch("sys.stdout", full):  # noqa: PTH123 - of a str
                err = run(command, *ROLE_OPTIONS, expected=1).err
                with contextlib.suppress(OSError):
                    full.close()

            assert err.startswith("stsession: ")
            assert err.endswith(f"{os.strerror(errno.ENOSPC)}\n")

    def test_of_identities_that_may_change_unnoticed(self, run, is_hit, files):
        """Another person may have logged in to the program that has the keys."""
        config, credentials = map(Path, (files.config_file, files.credentials_file))
        endpoint = config.read_text().partition("endpoint_url")[2].splitlines()[0]
        key, secret = re.findall(r"aws_\w+_key\w* = (\S+)", credentials.read_text())
        document = {"Version": 1, "AccessKeyId": key, "SecretAccessKey": secret}
        printed = config.with_name("printed.json")
        printed.write_text(json.dumps(document))
        with config.open("a") as file:
            file.write(f"[profile login]\ncredential_process = cat {printed}\n")
            file.write(f"endpoint_url{endpoint}\n")
        os.utime(config, (1e9, 1e9))
        arguments = ("credential-process", "--role-arn", ROLE, "--source", "login")
        run(*arguments)

        assert not is_hit(*arguments)

    def test_short_validity(self, run, is_hit, cache):
        """Credentials have to be valid for as long as the command promises."""
        run(*PROCESS)
        run(*PROCESS, "--min-validity", "3000")
        ((key, record),) = cache.entries()

        age(cache, key, record, 1200)
        assert is_hit(*PROCESS)
        assert not is_hit(*PROCESS, "--min-validity", "3000")
        age(cache, key, record, 2700)
        assert not is_hit(*PROCESS)
        age(cache, key, record, -3600)
        assert not is_hit(*PROCESS)

    @pytest.mark.parametrize("end", [".record1", ".alias1"])
    @pytest.mark.parametrize(
        "damage",
        [
            lambda content: b"",
            lambda content: b"garbage",
            lambda content: content[:-1],
            lambda content: content[: len(content) // 2],
            lambda content: content.replace(b"1", b"2", 1),
            lambda content: content + b"\n",
            lambda content: b"\xff" * 100_000,
        ],
    )
    def test_damaged_files(self, run, is_hit, cache, end, damage):
        """Anything odd means that there is nothing in the cache."""
        run(*PROCESS)
        (file,) = cache.path.glob(f"*{end}")
        file.write_bytes(damage(file.read_bytes()))

        assert not is_hit(*PROCESS)

    @posix
    @pytest.mark.parametrize("name", ["*.record1", "*.alias1", "salt1", "."])
    def test_unsafe_files(self, run, is_hit, cache, name, tmp_path):
        """Files that others can read or may have written aren't used."""
        run(*PROCESS)
        (file,) = cache.path.glob(name) if name != "." else (cache.path,)
        assert is_hit(*PROCESS)
        file.chmod(0o755)
        assert not is_hit(*PROCESS)
        file.chmod(0o700 if file.is_dir() else 0o600)
        assert is_hit(*PROCESS)
        moved = file.rename(tmp_path / "moved")
        file.symlink_to(moved)
        assert not is_hit(*PROCESS)
        if moved.is_file():
            file.unlink()
            os.link(moved, file)
            assert not is_hit(*PROCESS)
            file.unlink()
            os.mkfifo(file, 0o600)
            assert not is_hit(*PROCESS)

    @pytest.mark.parametrize(
        "variables",
        [
            {"STSESSION_CACHE_DIR": "/x"},
            {"XDG_CACHE_HOME": "/y"},
            {"XDG_CACHE_HOME": "relative"},
            {"HOME": "/z"},
            {"LOCALAPPDATA": "/w"},
        ],
    )
    @pytest.mark.parametrize("platform", ["linux", "darwin", "win32"])
    def test_same_directory(self, monkeypatch, variables, platform):
        """The script looks where the library writes."""
        monkeypatch.delenv("STSESSION_CACHE_DIR")
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "platform", platform)

        assert default_directory() == Path(start.cache_directory())

    def test_no_secrets(self, run, cache, files):
        """Names and aliases contain no keys, and nothing of the arguments."""
        arguments = (*PROCESS, "--external-id", EXTERNAL_ID)
        document = json.loads(run(*arguments).out)
        key = Path(files.credentials_file).read_text().split()[-1]
        secrets = [
            key,
            EXTERNAL_ID,
            document["SecretAccessKey"],
            document["SessionToken"],
        ]
        names = " ".join(path.name for path in cache.path.iterdir())
        aliases = "".join(path.read_text() for path in cache.path.glob("*.alias1"))

        assert aliases
        assert not any(secret in names + aliases for secret in secrets)


class TestCommands:
    def test_no_cache(self, run, cache, local):
        """With --no-cache, credentials are neither read nor written."""
        before = local.count("AssumeRole")
        for _ in range(2):
            run(*PROCESS, "--no-cache")

        assert 2 == local.count("AssumeRole") - before
        assert [] == list(cache.entries())

    def test_all_commands_share(self, run, local):
        """One request to STS is enough for all of them."""
        before = local.count("AssumeRole")
        first = json.loads(run("whoami", "--json", *ROLE_OPTIONS).out)
        run("env", *ROLE_OPTIONS)
        run(*PROCESS)
        run("exec", *ROLE_OPTIONS, sys.executable, "-c", "pass")
        last = json.loads(run("whoami", "--json", *ROLE_OPTIONS).out)

        assert ("miss", "hit") == (first["cache"], last["cache"])
        assert 1 == local.count("AssumeRole") - before

    def test_env_renews_half(self, run, cache, local):
        """Keys that aren't renewed are valid for half of their duration at least."""
        run("env", *ROLE_OPTIONS)
        ((key, record),) = cache.entries()
        age(cache, key, record, 2000)
        before = local.count("AssumeRole")
        run("env", *ROLE_OPTIONS)

        assert 1 == local.count("AssumeRole") - before

    def test_one_mfa_code_for_a_day(self, run, local, cache, tmp_path):
        """After the first code, commands in other terminals need none."""
        key = local.add_user(name="alice")
        device = local.add_mfa_device("alice")
        role = "arn:aws:iam::123456789012:role/Admin"
        local.add_role(role, requires_mfa=True)
        local.write_profile(tmp_path, key=key, name="alice")
        who = (
            *("--role-arn", role, "--source", "alice"),
            *("--mfa-serial", device.serial),
        )
        run("credential-process", *who, expected=3)
        run("whoami", *who, "--mfa-command", f"echo {device.code()}")
        run("credential-process", *who)
        for each, record in cache.entries():
            age(cache, each, record, 11 * 3600)
        called = tmp_path / "called"
        run("env", *who, "--mfa-command", f"touch {called}")

        assert not called.exists()
        assert 1 == local.count("GetSessionToken")

    def test_ls(self, run):
        """The list says for what, and until when."""
        assert "" == run("cache", "ls").out
        run(*PROCESS)
        text = run("cache", "ls").out
        (row,) = json.loads(run("cache", "ls", "--json").out)

        assert ROLE in text
        assert ROLE == row["name"]
        assert row["expiration"] in text
        assert "SecretAccessKey" not in json.dumps(row)

    def test_clear(self, run, cache):
        """Credentials are removed by their options, or all of them."""
        other = (*ROLE_OPTIONS, "--role-session-name", "other")
        run(*PROCESS)
        run("whoami", *other)
        run("cache", "clear", "--expired")
        assert 2 == len(list(cache.entries()))
        run("cache", "clear", *other)
        assert 1 == len(list(cache.entries()))
        run("cache", "clear", "--all")
        assert 0 == len(list(cache.entries()))
        run("cache", "clear", expected=2)
        run("cache", "clear", "--all", "--expired", expected=2)
        run("cache", "clear", *other, "--no-cache", expected=2)

    def test_offline(self, run, local, cache):
        """The identity of credentials in the cache is known without STS."""
        offline = ("whoami", "--offline", *ROLE_OPTIONS)
        run(*offline, expected=1)
        run(*offline, "--no-cache", expected=2)
        run(*PROCESS)
        before = len(local.calls())
        known = json.loads(run(*offline, "--json", "--expect", ROLE).out)
        run(*offline, "--expect", "111122223333", expected=4)

        assert ("123456789012", ROLE) == (known["account_id"], known["arn"])
        assert before == len(local.calls())

    @pytest.mark.skipif(os.name == "nt", reason="modes of POSIX")
    def test_unsafe_folder(self, run, cache):
        """A folder of others isn't used; a warning says so."""
        cache.path.mkdir()
        cache.path.chmod(0o755)

        assert "isn't used" in run("whoami", *ROLE_OPTIONS).err

    def test_path(self, run, cache):
        """The folder can be found."""
        assert f"{cache.path}\n" == run("cache", "path").out

    def test_old_credentials_are_a_last_resort(self, run, cache, local):
        """While STS is down, credentials are used until the last minute."""
        run(*PROCESS)
        ((key, record),) = cache.entries()
        age(cache, key, record, 2700)
        local.faults.add(Fault.status(503))
        before = local.count("AssumeRole")
        with mock.patch.dict(os.environ, AWS_MAX_ATTEMPTS="1"):
            done = []
            for number in range(STARTS):
                with mock.patch.object(
                    file_cache, "_this_process", return_value=f"process {number}"
                ):
                    done.append(run(*PROCESS))
        attempts = local.count("AssumeRole") - before
        local.faults.clear()

        assert {f"{record.output}\n"} == {each.out for each in done}
        assert {1} == {each.err.count("\n") for each in done}
        assert 1 <= attempts <= 7

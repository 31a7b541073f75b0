"""The commands that profiles use: ``credential-process`` and ``configure``."""

from __future__ import annotations

import datetime as dt
import json
import os
import shlex
import sys

from pathlib import Path
from typing import NamedTuple
from unittest import mock

import boto3
import botocore.exceptions
import pytest

from hypothesis import given, settings
from hypothesis import strategies as st

from stsession.__main__ import main
from stsession._cli.config_section import with_section
from stsession._cli.errors import CommandError
from stsession.testing import LocalSTS

from .children import run_child, status_of_fork


ROLE = "arn:aws:iam::123456789012:role/Reader"
OTHER_ROLE = "arn:aws:iam::123456789012:role/Other"
ROLE_OPTIONS = ("--role-arn", ROLE, "--role-session-name", "me", "--source", "ci")
READER = "arn:aws:sts::123456789012:assumed-role/Reader/me"
DEVICE = "arn:aws:iam::123456789012:mfa/alice"

STSESSION = (sys.executable, "-m", "stsession")

posix = pytest.mark.skipif(os.name == "nt", reason="a shell, and modes of files")


@pytest.fixture(name="local")
def _local():
    with LocalSTS() as local:
        local.add_role(ROLE)
        local.add_role(OTHER_ROLE, external_id="b3d9-71aa")
        yield local


@pytest.fixture(name="files", autouse=True)
def _files(local, tmp_path, monkeypatch):
    """The profile of a user, a cache of its own, and no `AWS_PROFILE`."""
    files = local.write_profile(tmp_path, key=local.add_user(name="alice"), name="ci")
    for name, value in files.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE")
    monkeypatch.setenv("AWS_ENDPOINT_URL", local.endpoint_url)
    monkeypatch.setenv("STSESSION_CACHE_DIR", os.fspath(tmp_path / "cache"))
    return files


class Done(NamedTuple):
    """How a command has ended."""

    returncode: int
    stdout: str
    stderr: str


@pytest.fixture(name="run")
def _run(capfd, monkeypatch):
    """A function that runs a command in this process."""
    monkeypatch.setenv("STSESSION_CALLERS", "")

    def run(*arguments, callers=""):
        os.environ["STSESSION_CALLERS"] = callers
        with mock.patch.object(sys, "argv", ["stsession", *arguments]):
            status = main()
        return Done(status, *capfd.readouterr())

    return run


def identity(profile):
    """The ARN of the credentials that boto3 has for a profile."""
    session = boto3.Session(profile_name=profile, region_name="us-east-1")
    return session.client("sts").get_caller_identity()["Arn"]


class TestCredentialProcess:
    def test_output(self, run, local):
        """One line of JSON, as the SDKs read it, and nothing else."""
        done = run("credential-process", *ROLE_OPTIONS)
        document = json.loads(done.stdout)
        expiration = dt.datetime.fromisoformat(
            document.pop("Expiration").replace("Z", "+00:00")
        )

        assert (0, "", 1) == (done.returncode, done.stderr, done.stdout.count("\n"))
        assert {
            "Version",
            "AccessKeyId",
            "SecretAccessKey",
            "SessionToken",
            "AccountId",
        } == set(document)
        assert (1, "123456789012") == (document["Version"], document["AccountId"])
        assert 0 == expiration.microsecond

    def test_errors_are_on_stderr(self, run):
        """Nothing is on stdout, and the exit status is the kind of the error."""
        denied = run("credential-process", "--role-arn", OTHER_ROLE, "--source", "ci")
        wrong = run("credential-process", "-p", "nope")
        long = run("credential-process", *ROLE_OPTIONS, "--min-validity", "7200")

        assert [1, 2, 1] == [d.returncode for d in (denied, wrong, long)]
        assert ["", "", ""] == [d.stdout for d in (denied, wrong, long)]
        assert all(d.stderr.startswith("stsession: ") for d in (denied, wrong, long))

    def test_no_prompt_by_default(self, run):
        """Without --prompt, a command that needs an MFA code fails."""
        done = run("credential-process", *ROLE_OPTIONS, "--mfa-serial", DEVICE)

        assert (3, "") == (done.returncode, done.stdout)
        assert "--prompt" in done.stderr

    @posix
    def test_prompt(self, capfd):
        """With --prompt, the code is read from the terminal."""
        arguments = ("credential-process", *ROLE_OPTIONS, "--mfa-serial", DEVICE)

        def without_terminal():
            os.setsid()
            with mock.patch.object(sys, "argv", ["stsession", *arguments, "--prompt"]):
                return main()

        assert 3 == status_of_fork(without_terminal)
        assert "no terminal" in capfd.readouterr().err

    def test_mfa_command(self, run, local):
        """With a command that prints codes, no prompt is needed."""
        device = local.add_mfa_device("alice")
        role = "arn:aws:iam::123456789012:role/Admin"
        local.add_role(role, requires_mfa=True)
        done = run(
            *("credential-process", "--role-arn", role, "--source", "ci"),
            *("--mfa-serial", device.serial, "--mfa-command", f"echo {device.code()}"),
        )

        assert (0, "") == (done.returncode, done.stderr)


class TestRecursion:
    @pytest.mark.parametrize(
        "sections",
        [
            {"a": "-p a"},
            {"a": "-p b", "b": "-p a"},
            {"a": f"--role-arn {ROLE} --source a"},
        ],
    )
    def test_ends(self, files, sections, tmp_path):
        """A profile that leads to itself is an error, after a few processes."""
        log = tmp_path / "log"
        count = f"{sys.executable} -c \"open('{log}', 'a').write('x')\""
        with Path(files.config_file).open("a") as config:
            for name, options in sections.items():
                command = f"{shlex.join(STSESSION)} credential-process {options}"
                line = shlex.join(["sh", "-c", f"{count}; {command}"])
                config.write(f"[profile {name}]\ncredential_process = {line}\n")
        with pytest.raises(
            botocore.exceptions.CredentialRetrievalError, match="depend on themselves"
        ):
            identity("a")

        assert len(log.read_text()) <= 5

    def test_levels(self, run):
        """Profiles that never repeat end, too."""
        done = run("credential-process", *ROLE_OPTIONS, callers="1 2 3 4")

        assert 1 == done.returncode
        assert "depend on themselves" in done.stderr


class TestConfigure:
    def test_profile_works(self, run, files):
        """A program with AWS_PROFILE gets the role."""
        done = run("configure", "reader", *ROLE_OPTIONS)

        assert (0, "") == (done.returncode, done.stdout)
        with mock.patch.dict(os.environ, AWS_PROFILE="reader"):
            assert READER == identity(None)

    def test_source_is_written(self, run, files):
        """Without --source, it is AWS_PROFILE when `configure` runs."""
        with mock.patch.dict(os.environ, AWS_PROFILE="ci"):
            done = run("configure", "reader", *ROLE_OPTIONS[:4])

        assert 0 == done.returncode
        assert "--source ci" in Path(files.config_file).read_text()

    @pytest.mark.parametrize(
        ("arguments", "expected"),
        [
            (("reader", "--role-arn", ROLE), "Pass --source"),
            (("ci", *ROLE_OPTIONS), "would depend on themselves"),
            (("reader", "-p", "nope"), "nope"),
            (("taken", *ROLE_OPTIONS), "role_arn, source_profile"),
            (("keys", *ROLE_OPTIONS), "aws_access_key_id, aws_secret_access_key"),
            (("a]b", *ROLE_OPTIONS), "can't be the name"),
            (("reader", *ROLE_OPTIONS, "--mfa-command", "x\ny'"), "mfa-command"),
            (("reader", *ROLE_OPTIONS, "--sts-region", "x\ny"), "line break"),
        ],
    )
    def test_errors(self, run, files, arguments, expected):
        """Nothing is written that wouldn't work, or that removes something."""
        config = Path(files.config_file)
        with config.open("a") as file:
            file.write(f"[profile taken]\nrole_arn = {ROLE}\nsource_profile = ci\n")
        with Path(files.credentials_file).open("a") as file:
            file.write("[keys]\naws_access_key_id = AKIA\naws_secret_access_key = x\n")
        before = config.read_bytes()
        done = run("configure", *arguments)

        assert (2, before) == (done.returncode, config.read_bytes())
        assert expected in done.stderr

    def test_force(self, run, files):
        """The other credentials of a section are replaced; the rest stays."""
        config = Path(files.config_file)
        with config.open("a") as file:
            file.write(
                f"[profile taken]\n# mine\nrole_arn = {OTHER_ROLE}\n"
                "source_profile = ci\ns3 =\n  max_queue_size = 7\n"
            )
        printed = run("configure", "taken", *ROLE_OPTIONS, "--print").stdout
        done = run("configure", "taken", *ROLE_OPTIONS, "--force")
        text = config.read_text().partition("[profile taken]")[2]

        assert 0 == done.returncode
        assert text.startswith(f"\n# mine\n{printed.splitlines()[1]}\n")
        assert text.endswith("\ns3 =\n  max_queue_size = 7\n")
        assert "source_profile" not in text

    def test_print(self, run, files):
        """The profile is shown, and nothing is changed."""
        before = Path(files.config_file).read_bytes()
        done = run("configure", "my reader", *ROLE_OPTIONS, "--print")

        assert done.stdout.startswith('[profile "my reader"]\ncredential_process = ')
        assert before == Path(files.config_file).read_bytes()

    def test_new_file(self, run, tmp_path, files):
        """A file that didn't exist is private; one that did keeps its mode."""
        new = tmp_path / "new" / "config"
        Path(files.config_file).chmod(0o640)

        for path in (new, Path(files.config_file)):
            done = run("configure", "reader", *ROLE_OPTIONS, "--file", os.fspath(path))
            assert 0 == done.returncode
        if os.name != "nt":
            assert 0o600 == new.stat().st_mode & 0o777
            assert 0o640 == Path(files.config_file).stat().st_mode & 0o777

    @posix
    def test_symbolic_link(self, run, tmp_path, files):
        """A config file that is a link stays one."""
        link = tmp_path / "link"
        link.symlink_to(files.config_file)
        run("configure", "reader", *ROLE_OPTIONS, "--file", os.fspath(link))

        assert link.is_symlink()
        assert "[profile reader]" in Path(files.config_file).read_text()

    @posix
    def test_no_regular_file(self, run):
        """The null device isn't replaced by a file."""
        with mock.patch("stsession._cli.configure.replace_file") as replaced:
            done = run("configure", "reader", *ROLE_OPTIONS, "--file", os.devnull)

        assert not replaced.called
        assert (2, "") == (done.returncode, done.stdout)
        assert f"{os.devnull} isn't a regular file." in done.stderr

    def test_same_for_shells(self, run, tmp_path):
        """
        botocore splits the line, other SDKs pass it to a shell; paths have spaces.
        """
        policy = tmp_path / "my policy #1.json"
        policy.write_text('{"Statement": []}')
        options = (
            *("--policy", f"@{policy}", "--tag", "Team=a = b"),
            *("--mfa-command", "echo 'a b' \"$X\" ;#", "--mfa-session", "off"),
            *("--mfa-serial", DEVICE),
            *("--external-id", "a=b/c", "--duration-seconds", "1800"),
        )
        done = run(*("configure", "reader", *ROLE_OPTIONS, *options, "--print"))
        line = done.stdout.splitlines()[1].partition(" = ")[2]
        program = "import json, sys; print(json.dumps(sys.argv[1:]))"
        words = shlex.join([sys.executable, "-c", program])
        shell = run_child(
            ["sh", "-c", f"{words} {line}"], capture_output=True, text=True
        )

        assert shlex.split(line) == json.loads(shell.stdout)
        assert f"@{policy}" in json.loads(shell.stdout)
        assert "Team=a = b" in json.loads(shell.stdout)
        assert "echo 'a b' '$X' ';#'" in json.loads(shell.stdout)
        assert " #" not in line
        assert " ;" not in line

    def test_web_identity(self, run, local, tmp_path, files, monkeypatch):
        """A token file needs no source; its path is absolute."""
        role = "arn:aws:iam::123456789012:role/Pod"
        local.add_role(role, web_identity_providers=["https://oidc.example"])
        (tmp_path / "token").write_text(local.web_identity_token())
        with monkeypatch.context() as m:
            m.chdir(tmp_path)
            done = run(
                "configure", "pod", "--role-arn", role, "--web-identity", "token"
            )

        assert 0 == done.returncode
        assert "assumed-role/Pod/" in identity("pod")


SETTINGS = {"credential_process": "stsession credential-process -p a", "region": "x"}
TEXT = st.text(st.characters(blacklist_characters="[]\r\n", max_codepoint=0x2FF))
LINES = st.lists(
    st.one_of(
        st.builds("# {}".format, TEXT),
        st.builds("; {}".format, TEXT),
        st.sampled_from(["", "output = json", "  nested = 1", "s3 =", "\tx=2"]),
    )
)
SECTIONS = st.lists(
    st.tuples(
        st.sampled_from(["default", "profile a", "profile b", "sso-session a", "x"]),
        LINES,
    ),
    unique_by=lambda section: section[0],
)


class TestSection:
    @settings(max_examples=50)
    @given(sections=SECTIONS, newline=st.sampled_from(["\n", "\r\n"]))
    def test_other_bytes_stay(self, sections, newline):
        """Every line of the file is still there, in the same order, with its bytes."""
        newline = newline if sections else "\n"
        text = "".join(
            newline.join([f"[{name}]", *lines, ""]) for name, lines in sections
        )
        before = text.encode("utf-8", errors="surrogatepass")
        try:
            after = with_section(before, "a", SETTINGS, force=True)
        except CommandError:
            pytest.fail("It has no section twice.")
        new = [f"{k} = {v}{newline}".encode() for k, v in SETTINGS.items()]
        kept = after.replace(b"".join(new), b"")
        if b"[profile a]" not in before:
            kept = kept.removesuffix(b"[profile a]" + newline.encode())
            kept = kept.removesuffix(newline.encode()) if before else kept

        assert before == kept
        assert 1 == after.count(b"".join(new))
        assert after == with_section(after, "a", SETTINGS, force=False)

    @pytest.mark.parametrize(
        ("before", "after"),
        [
            (b"", b"[profile a]\n"),
            (b"[default]\nregion=y", b"[default]\nregion=y\n\n[profile a]\n"),
            (b"[ profile  a ] # x\n", b"[ profile  a ] # x\n"),
            (b'[profile "a"]', b'[profile "a"]\n'),
            (b"\xef\xbb\xbf[profile a]\n", b"\xef\xbb\xbf[profile a]\n"),
        ],
    )
    def test_headers(self, before, after):
        """The section is found however its name is written."""
        new = "".join(f"{k} = {v}\n" for k, v in SETTINGS.items()).encode()
        forced = with_section(before, "a", SETTINGS, force=True)

        assert after + new == forced

    def test_twice(self):
        """With two sections, it isn't clear which one counts."""
        content = b"[profile a]\n[profile 'a']\n"
        with pytest.raises(CommandError, match="more than one section"):
            with_section(content, "a", SETTINGS, force=True)

"""The command line."""

from __future__ import annotations

import datetime as dt
import fcntl
import json
import os
import pty
import shlex
import signal
import socket
import subprocess
import sys
import termios

from pathlib import Path
from unittest import mock

import boto3
import pytest

import stsession

from stsession import MfaError
from stsession.__main__ import main
from stsession.testing import LocalSTS

from .children import child, run_child, status_of_fork


ROLE = "arn:aws:iam::123456789012:role/path/Reader"
OTHER_ROLE = "arn:aws:iam::123456789012:role/Other"
ROLE_OPTIONS = ("--role-arn", ROLE, "--role-session-name", "me")
READER = "arn:aws:sts::123456789012:assumed-role/Reader/me"

STSESSION = (sys.executable, "-m", "stsession")

WHO = "import boto3; print(boto3.client('sts').get_caller_identity()['Arn'])"
PRINT_IDENTITY = (sys.executable, "-c", WHO)

posix = pytest.mark.skipif(os.name == "nt", reason="signals and modes of POSIX")


@pytest.fixture(name="local", scope="module")
def _local():
    with LocalSTS() as local:
        local.add_role(ROLE)
        local.add_role(OTHER_ROLE, external_id="b3d9-71aa")
        yield local


@pytest.fixture(name="files", autouse=True)
def _files(local, tmp_path, monkeypatch):
    """A profile of a user, which is the default one, and of a role."""
    files = local.write_profile(tmp_path, key=local.add_user(), name="ci")
    with Path(files.config_file).open("a", encoding="utf-8") as config:
        config.write(
            f"[profile reader]\nrole_arn = {ROLE}\nsource_profile = ci\n"
            f"role_session_name = me\nendpoint_url = {local.endpoint_url}\n"
        )
    for name, value in files.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("STSESSION_CACHE_DIR", os.fspath(tmp_path / "cache"))
    # For programs that get credentials only.
    monkeypatch.setenv("AWS_ENDPOINT_URL", local.endpoint_url)
    return files


def run(*arguments):
    """Run a command in this process. Return its exit status."""
    with mock.patch.object(sys, "argv", ["stsession", *arguments]):
        return main()


def run_stsession(*arguments, **kw):
    """Run a command in a new process."""
    return run_child([*STSESSION, *arguments], capture_output=True, text=True, **kw)


class TestIdentity:
    """The options that say which credentials a command uses."""

    @pytest.mark.parametrize(
        "options",
        [ROLE_OPTIONS, ("-p", "reader"), (*ROLE_OPTIONS, "--source", "ci")],
    )
    def test_role(self, capfd, options):
        """A role is assumed, from a profile or by its ARN."""
        assert 0 == run("whoami", "--json", *options)
        assert READER == json.loads(capfd.readouterr().out)["arn"]

    def test_every_parameter_of_the_request(self, local):
        """Each option reaches STS."""
        assert 0 == run(
            *("whoami", "--role-arn", OTHER_ROLE, "--external-id", "b3d9-71aa"),
            *("--role-session-name", "nightly", "--duration-seconds", "1800"),
            *("--policy", '{"Version": "2012-10-17", "Statement": []}'),
            *("--policy-arn", "arn:aws:iam::aws:policy/ReadOnlyAccess"),
            *("--tag", "Team=data", "--transitive-tag", "Team"),
            *("--source-identity", "alice"),
        )
        sent = local.calls("AssumeRole")[-1].params

        assert {
            "RoleArn": OTHER_ROLE,
            "ExternalId": "b3d9-71aa",
            "RoleSessionName": "nightly",
            "DurationSeconds": "1800",
            "Policy": '{"Version":"2012-10-17","Statement":[]}',
            "PolicyArns.member.1.arn": "arn:aws:iam::aws:policy/ReadOnlyAccess",
            "Tags.member.1.Key": "Team",
            "Tags.member.1.Value": "data",
            "TransitiveTagKeys.member.1": "Team",
            "SourceIdentity": "alice",
        } == sent

    @pytest.mark.parametrize("way", ["assume", "session_token", "from_profile"])
    def test_common_options(self, way):
        """Each way to get credentials has the regions, the endpoint and a timeout."""
        url = "http://127.0.0.1:9"
        ways = {"assume": ROLE_OPTIONS, "session_token": ("--session-token",)}
        sts = ("--sts-endpoint-url", url, "--sts-region", "eu-central-1")
        common = (*sts, "--region", "eu-west-1", "--timeout", "7", "--no-cache")
        with mock.patch(f"stsession.{way}", side_effect=MfaError("stop")) as make:
            assert 3 == run("env", *ways.get(way, ()), *common)
        passed = make.call_args.kwargs

        assert url == passed["sts_endpoint_url"]
        assert "eu-central-1" == passed["sts_region"]
        assert "eu-west-1" == passed["region"]
        assert dt.timedelta(seconds=7) == passed["refresh"].load_timeout
        assert passed["cache"] is None

    def test_region(self, capfd):
        """Programs have the region of --region."""
        assert 0 == run("env", *ROLE_OPTIONS, "--region", "eu-west-1")
        assert "export AWS_REGION=eu-west-1\n" in capfd.readouterr().out

    def test_policy_of_a_file(self, local, tmp_path):
        """`@` and a path stands for the contents of the file."""
        path = tmp_path / "policy.json"
        path.write_text('{"Statement": []}')

        assert 0 == run("whoami", *ROLE_OPTIONS, "--policy", f"@{path}")
        assert '{"Statement":[]}' == local.calls("AssumeRole")[-1].params["Policy"]

    def test_chain(self, local, capfd):
        """Several roles are a chain, the last one is used."""
        local.add_role("arn:aws:iam::123456789012:role/Hub")

        assert 0 == run(
            *("whoami", "--role-arn", "arn:aws:iam::123456789012:role/Hub"),
            *ROLE_OPTIONS,
        )
        assert capfd.readouterr().out.startswith(READER)

    def test_web_identity(self, local, tmp_path, capfd):
        """The token is read from a file."""
        role = "arn:aws:iam::123456789012:role/Pod"
        local.add_role(role, web_identity_providers=["https://oidc.example"])
        token = tmp_path / "token"
        token.write_text(local.web_identity_token())

        assert 0 == run(
            "whoami", "--role-arn", role, "--web-identity", os.fspath(token)
        )
        assert "assumed-role/Pod/" in capfd.readouterr().out

    def test_session_token(self, local, capfd):
        """The credentials are the user's."""
        assert 0 == run("whoami", "--session-token")
        assert ":user/" in capfd.readouterr().out
        assert 1 <= local.count("GetSessionToken")

    def test_mfa_command(self, local, capfd):
        """The code is what a command prints."""
        user = local.add_user(name="alice")
        device = local.add_mfa_device("alice")
        role = "arn:aws:iam::123456789012:role/Admin"
        local.add_role(role, requires_mfa=True)
        keys = {
            "AWS_ACCESS_KEY_ID": user.access_key_id,
            "AWS_SECRET_ACCESS_KEY": user.secret_access_key,
        }

        with mock.patch.dict(os.environ, keys):
            del os.environ["AWS_PROFILE"]
            status = run(
                *("whoami", "--role-arn", role, "--mfa-serial", device.serial),
                *("--mfa-command", f"echo {device.code()}", "--mfa-session", "off"),
                *("--region", "us-east-1"),
            )

        assert 0 == status
        assert "assumed-role/Admin/" in capfd.readouterr().out

    @pytest.mark.parametrize(
        ("options", "expected"),
        [
            (("--role-arn", ROLE, "-p", "ci"), "Pass only one of"),
            (("--session-token", "--role-arn", ROLE), "Pass only one of"),
            (("-p", "ci", "--external-id", "b3d9"), "--external-id can't be used with"),
            (("-p", "ci", "--mfa-session", "x"), 'Pass a number of seconds, or "off"'),
            (("-p", "ci", "--timeout", "nan"), "Pass a number of seconds"),
            (("--role-arn", ROLE, "--tag", "x"), "isn't KEY=VALUE"),
            (("--role-arn", ROLE, "--policy", "@nope"), "nope can't be read"),
            (("--role-arn", "Reader"), "Pass the full ARN"),
            (("-p", "nope"), 'There is no profile "nope"'),
        ],
    )
    def test_wrong_usage(self, capfd, options, expected):
        """The message says what is wrong, and the exit status is 2."""
        assert 2 == run("whoami", *options)
        assert expected in capfd.readouterr().err

    def test_no_credentials(self, capfd):
        """Errors of STS are printed once, without a traceback; the exit status is 1."""
        assert 1 == run("whoami", "--role-arn", OTHER_ROLE)

        (line,) = capfd.readouterr().err.splitlines()
        assert line.startswith(f"stsession: Could not assume {OTHER_ROLE}")

    def test_login_is_needed(self, files, capfd):
        """Without a login, the message says how to log in, and the exit status is 3."""
        with Path(files.config_file).open("a", encoding="utf-8") as config:
            config.write(
                "[profile sso]\nsso_start_url = https://example.awsapps.com/start\n"
                "sso_region = us-east-1\nsso_account_id = 123456789012\n"
                "sso_role_name = Reader\n"
            )

        assert 3 == run("whoami", "-p", "sso")
        assert "aws sso login" in capfd.readouterr().err

    @posix
    def test_a_person_is_needed(self, capfd):
        """Without a terminal, a prompt for an MFA code isn't possible."""

        def without_terminal():
            os.setsid()
            return run("whoami", *ROLE_OPTIONS, "--mfa-serial", "GAHT12345678")

        assert 3 == status_of_fork(without_terminal)
        assert capfd.readouterr().err.startswith("stsession: ")


class TestExec:
    """Programs that run with credentials."""

    def test_program_has_the_role(self, capfd):
        """The program finds the role's credentials, and no others."""
        assert 0 == run("exec", *ROLE_OPTIONS, "--", *PRINT_IDENTITY)
        assert (f"{READER}\n", "") == capfd.readouterr()

    @posix
    def test_static(self, capfd):
        """With --static, the credentials themselves are passed."""
        program = "import os; print(sorted(n for n in os.environ if 'AWS_' in n))"
        command = (sys.executable, "-c", f"{WHO}; {program}")
        status = status_of_fork(
            lambda: run("exec", "--static", *ROLE_OPTIONS, *command)
        )
        out = capfd.readouterr().out

        assert 0 == status
        assert out.startswith(READER)
        assert "AWS_SESSION_TOKEN" in out
        assert "AWS_CONTAINER" not in out
        assert "AWS_PROFILE" not in out

    @pytest.mark.parametrize(
        ("program", "expected"),
        [
            (("import sys; sys.exit(7)",), 7),
            (("pass", "--help"), 0),
            (("import sys; sys.exit(sys.argv[1:] != ['-p', 'x y'])", "-p", "x y"), 0),
        ],
    )
    def test_exit_status(self, program, expected):
        """The program gets its arguments unchanged, and its exit status is returned."""
        command = (sys.executable, "-c", *program)

        assert expected == run("exec", *ROLE_OPTIONS, *command)

    def test_not_started(self, capfd, tmp_path):
        """The exit statuses are those of env(1); nothing is called "no credentials"."""
        assert 127 == run("exec", *ROLE_OPTIONS, "no-such-program")
        if os.name != "nt":
            assert 126 == run("exec", *ROLE_OPTIONS, os.fspath(tmp_path))
        assert 125 == run("exec", "--role-arn", OTHER_ROLE, *PRINT_IDENTITY)
        assert 2 == run("exec", "-p", "nope", *PRINT_IDENTITY)
        assert capfd.readouterr().out == ""

    @posix
    @pytest.mark.parametrize("name", ["SIGTERM", "SIGKILL"])
    def test_ended_by_a_signal(self, name):
        """If a signal ends the program, it ends stsession, too."""
        number = getattr(signal, name)
        command = ("exec", *ROLE_OPTIONS, "sh", "-c", f"kill -{int(number)} $$")

        assert -number == status_of_fork(lambda: run(*command))

    @posix
    def test_forwards_signals(self):
        """The program gets the signals that stsession gets, once."""
        names = ["SIGTERM", "SIGHUP", "SIGUSR2"]
        program = (
            "import signal\n"
            f"for name in {names}:\n"
            "    number = getattr(signal, name)\n"
            "    signal.signal(number, lambda n, _: print(n, flush=True))\n"
            "print('ready', flush=True)\n"
            "input()\n"
        )
        command = ["exec", *ROLE_OPTIONS, sys.executable, "-c", program]
        with child(
            [*STSESSION, *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            assert "ready\n" == process.stdout.readline()
            for name in names:
                number = getattr(signal, name)
                process.send_signal(number)
                assert f"{number:d}\n" == process.stdout.readline()
            out, _ = process.communicate("\n", timeout=60)

            assert (0, "") == (process.returncode, out)

    @posix
    def test_ctrl_c_is_the_program_s(self):
        """A terminal sends Ctrl-C to both; the program decides what it means."""
        program = (
            "import signal, sys, threading\n"
            "signal.signal(signal.SIGINT, lambda *_: sys.exit(5))\n"
            "print('ready', flush=True)\n"
            "threading.Event().wait(60)\n"
        )
        master, terminal = pty.openpty()
        with (
            os.fdopen(master, "r+b", buffering=0) as keyboard,
            os.fdopen(terminal, "r+b", buffering=0) as screen,
            child(
                [*STSESSION, "exec", *ROLE_OPTIONS, sys.executable, "-c", program],
                stdin=screen,
                stdout=subprocess.PIPE,
                text=True,
                preexec_fn=lambda: _control(screen),
                start_new_session=True,
            ) as process,
        ):
            assert "ready\n" == process.stdout.readline()
            keyboard.write(b"\x03")

            assert 5 == process.wait(60)

    @posix
    def test_stdin(self, capfd, tmp_path):
        """The program has stsession's input."""
        path = tmp_path / "input"
        path.write_text("hello")

        def with_input():
            os.dup2(os.open(path, os.O_RDONLY), 0)
            return run("exec", *ROLE_OPTIONS, "cat")

        assert 0 == status_of_fork(with_input)
        assert "hello" == capfd.readouterr().out

    def test_nested(self, capfd):
        """Inside of `exec`, a profile is found; without one, the role is the source."""
        inner = ("exec", "-p", "reader", *STSESSION, "whoami")

        assert 0 == run(*inner, "-p", "ci")
        assert ":user/" in capfd.readouterr().out.splitlines()[0]
        assert 0 == run(*inner)
        assert capfd.readouterr().out.startswith(READER)

    def test_keep_profiles(self, files, capfd):
        """
        The program sees the user's profiles, unless the default one would be used.
        """
        program = "import boto3; print(sorted(boto3.Session().available_profiles))"
        keep = ("exec", "--keep-profiles", "-p", "reader")

        assert 0 == run(*keep, sys.executable, "-c", program)
        assert "['ci', 'reader']\n" == capfd.readouterr().out

        with Path(files.credentials_file).open("a", encoding="utf-8") as credentials:
            credentials.write("[default]\naws_access_key_id = AKIAOTHER\n")
        assert 2 == run(*keep, sys.executable, "-c", program)
        assert "aws_access_key_id" in capfd.readouterr().err

    def test_keep_profiles_inside_of_exec(self, local, files, tmp_path, capfd):
        """The profiles that count are the user's, which the program would read."""
        user = local.write_profile(tmp_path, key=local.add_user(), name="default")
        (tmp_path / "empty").touch()
        outer = {
            "AWS_CONFIG_FILE": os.fspath(tmp_path / "empty"),
            "AWS_SHARED_CREDENTIALS_FILE": os.fspath(tmp_path / "empty"),
            "STSESSION_CONFIG_FILE": user.config_file,
            "STSESSION_CREDENTIALS_FILE": user.credentials_file,
            "AWS_DEFAULT_REGION": "us-east-1",
        }

        with mock.patch.dict(os.environ, outer):
            del os.environ["AWS_PROFILE"]
            assert 2 == run("exec", "--keep-profiles", *ROLE_OPTIONS, *PRINT_IDENTITY)
        assert "aws_access_key_id" in capfd.readouterr().err

    def test_no_secrets_in_the_process_list(self):
        """Arguments and output of `exec` have neither keys nor the endpoint's token."""
        program = (
            "import os, pathlib\n"
            "token = os.environ['AWS_CONTAINER_AUTHORIZATION_TOKEN']\n"
            "parent = pathlib.Path(f'/proc/{os.getppid()}/cmdline')\n"
            "print(parent.exists() and token in parent.read_text())\n"
        )
        done = run_stsession("exec", *ROLE_OPTIONS, sys.executable, "-c", program)

        assert "False\n" == done.stdout


def _control(terminal):
    """Make a terminal the one that sends signals to this process and its children."""
    fcntl.ioctl(terminal.fileno(), termios.TIOCSCTTY, 0)


SHELLS = {"sh": "sh", "bash": "sh", "fish": "fish"}


class TestEnv:
    """Environment variables for shells and other programs."""

    @posix
    @pytest.mark.parametrize(("shell", "form"), SHELLS.items())
    def test_round_trip(self, local, tmp_path, capfd, shell, form):
        """A shell evaluates the output, and afterwards that of --unset."""
        for name, more in (("set", ()), ("unset", ("--unset",))):
            assert 0 == run("env", *ROLE_OPTIONS, "--format", form, *more)
            (tmp_path / name).write_text(capfd.readouterr().out)
        key = local.issued(role_arn=ROLE)[-1]
        program = (
            'eval "$(cat set)"\n'
            'printf "%s\\n" "$AWS_ACCESS_KEY_ID" "$AWS_SECRET_ACCESS_KEY"\n'
            'printf "%s\\n" "$AWS_SESSION_TOKEN"\n'
            "env | grep -c AWS_PROFILE\n"
            'eval "$(cat unset)"\n'
            "env | grep -cE 'AWS_(ACCESS|SECRET|SESSION)|STSESSION_EXP'\n"
        )
        try:
            done = run_child(
                [shell, "-c", program], capture_output=True, text=True, cwd=tmp_path
            )
        except FileNotFoundError:
            pytest.skip(f"{shell} isn't installed")

        assert [
            key.access_key_id,
            key.secret_access_key,
            key.session_token,
            "0",
            "0",
        ] == done.stdout.splitlines()

    @pytest.mark.parametrize(
        ("form", "expected"),
        [
            ("env", "export AWS_ACCESS_KEY_ID="),
            ("dotenv", "AWS_ACCESS_KEY_ID="),
            ("env-no-export", "AWS_ACCESS_KEY_ID="),
            ("powershell", "$Env:AWS_ACCESS_KEY_ID = '"),
            ("cmd", 'set "AWS_ACCESS_KEY_ID='),
            ("windows-cmd", 'set "AWS_ACCESS_KEY_ID='),
            ("fish", "set -gx AWS_ACCESS_KEY_ID '"),
        ],
    )
    def test_formats(self, capfd, form, expected):
        """Each variable is on a line of its own."""
        assert 0 == run("env", *ROLE_OPTIONS, "--format", form)

        lines = capfd.readouterr().out.splitlines()
        assert 1 == sum(line.startswith(expected) for line in lines)
        assert 1 == sum("STSESSION_EXPIRATION" in line for line in lines)

    @pytest.mark.parametrize("form", ["json", "process"])
    def test_process_document(self, capfd, form):
        """JSON is what a credential process prints."""
        assert 0 == run("env", *ROLE_OPTIONS, "--format", form)

        document = json.loads(capfd.readouterr().out)
        assert 1 == document["Version"]
        assert "123456789012" == document["AccountId"]
        assert document["Expiration"].endswith("Z")

    def test_not_on_a_terminal(self, capfd):
        """Secrets would stay on the screen; --force prints them."""
        with mock.patch.object(sys.stdout, "isatty", return_value=True):
            assert 2 == run("env", *ROLE_OPTIONS)
            assert "" == capfd.readouterr().out
            assert 0 == run("env", *ROLE_OPTIONS, "--force")
        assert capfd.readouterr().out.startswith("unset AWS_PROFILE")

    def test_min_validity(self, capfd):
        """Credentials that can't be valid for that long are an error."""
        assert 1 == run("env", *ROLE_OPTIONS, "--min-validity", "7200")
        assert "" == capfd.readouterr().out

    @pytest.mark.parametrize("form", ["json", "dotenv"])
    def test_nothing_to_unset(self, form):
        """Files aren't commands, so they can't remove variables."""
        assert 2 == run("env", "--unset", "--format", form)


class TestWhoami:
    """The identity of the credentials."""

    def test_json(self, capfd):
        """The output has the identity, and each role with its expiration."""
        assert 0 == run("whoami", "--json", *ROLE_OPTIONS)

        known = json.loads(capfd.readouterr().out)
        assert {"account_id", "arn", "user_id", "hops", "cache"} == set(known)
        assert ("123456789012", READER) == (known["account_id"], known["arn"])
        assert [ROLE] == [hop["name"] for hop in known["hops"]]
        assert known["hops"][0]["expiration"].endswith("Z")

    @pytest.mark.parametrize(
        ("expected", "status"),
        [
            ("123456789012", 0),
            (READER, 0),
            (ROLE, 0),
            ("111122223333", 4),
            (OTHER_ROLE, 4),
            ("arn:aws:iam::111122223333:role/path/Reader", 4),
            (f"{READER}x", 4),
        ],
    )
    def test_expect(self, expected, status):
        """A guard for scripts: an account, a role, or the ARN itself."""
        assert status == run("whoami", *ROLE_OPTIONS, "--expect", expected)


class TestServe:
    """An endpoint for several programs."""

    @posix
    def test_programs_use_it(self):
        """Programs with the printed variables have the role, until a signal ends it."""
        command = (*STSESSION, "serve", *ROLE_OPTIONS, "--format", "json")
        with child(
            [*command, "--parent-pid", str(os.getpid())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            printed = json.loads(process.stdout.readline())
            with mock.patch.dict(os.environ):
                for name, value in printed.items():
                    os.environ.pop(name, None)
                    os.environ.update({} if value is None else {name: value})
                identity = boto3.Session().client("sts").get_caller_identity()
            process.terminate()

            assert 0 == process.wait(60)
        assert READER == identity["Arn"]

    @posix
    @pytest.mark.parametrize("ends_by", ["input", "parent"])
    def test_end(self, ends_by):
        """It ends when its input has ended, or the process of --parent-pid."""
        with child(["sleep", "60"]) as parent:
            pass
        pid = parent.pid if ends_by == "parent" else os.getpid()
        reader, writer = os.pipe()

        def serve():
            os.dup2(reader, 0)
            os.close(writer)
            return run("serve", *ROLE_OPTIONS, "--parent-pid", str(pid))

        try:
            if ends_by == "input":
                os.close(writer)
                writer = os.dup(reader)
            with mock.patch("stsession._cli.commands.CHECK_INTERVAL", 0.02):
                assert 0 == status_of_fork(serve)
        finally:
            os.close(reader)
            os.close(writer)

    def test_port_in_use(self, capfd):
        """The message names the port."""
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]

            assert 2 == run("serve", *ROLE_OPTIONS, "--port", str(port))
        assert f"Port {port} can't be used" in capfd.readouterr().err


@pytest.mark.parametrize("command", ["exec", "env", "whoami", "serve"])
def test_help(capfd, command):
    """Each command shows an example."""
    assert 0 == run(command, "--help")
    assert f"stsession {command} -" in capfd.readouterr().out


def test_help_needs_no_sdk():
    """`--help` doesn't load an SDK."""
    program = (
        "import sys; from stsession.__main__ import main; status = main(); "
        "sys.exit(status or 'boto3' in sys.modules)"
    )
    command = [sys.executable, "-c", program, "exec", "--help"]
    done = run_child(command, capture_output=True, text=True)

    assert 0 == done.returncode


def test_completion():
    """A shell gets a script that calls stsession for completions."""
    program = (
        "import sys; from stsession.__main__ import main; sys.argv[0] = 'stsession'; "
        "sys.exit(main())"
    )
    done = run_child(
        [sys.executable, "-c", program],
        env={**os.environ, "_STSESSION_COMPLETE": "zsh_source"},
        capture_output=True,
        text=True,
    )

    assert 0 == done.returncode
    assert "compdef _stsession_completion stsession" in done.stdout


def test_version(capfd):
    """The version is the package's."""
    assert 0 == run("--version")
    assert stsession.__name__ in capfd.readouterr().out


@posix
@pytest.mark.parametrize(("program", "status"), [("true", 0), ("nosuchprogram", 127)])
def test_exec_without_standard_files(program, status):
    """A daemon may have closed its input, its output and its errors."""
    command = shlex.join([*STSESSION, "exec", *ROLE_OPTIONS, "--", program])

    assert status == run_child(["sh", "-c", f"{command} <&- >&- 2>&-"]).returncode


@pytest.mark.parametrize(
    "arguments",
    [
        ("env", "--min-validity", "9" * 20),
        ("credential-process", "--min-validity", "9" * 20),
        ("whoami", "--timeout", "1e300"),
        ("whoami", "--mfa-session", "\N{SUPERSCRIPT TWO}"),
    ],
)
def test_numbers(capfd, arguments):
    """A number that is too large, or none, is a wrong usage."""
    assert 2 == run(*arguments, *ROLE_OPTIONS)
    assert arguments[1] in capfd.readouterr().err


def test_without_the_extra(capfd):
    """Without click, the command says what to install."""
    with mock.patch.dict(sys.modules, {"click": None}):
        assert 2 == run("whoami")

    assert "pip install 'stsession[cli]'" in capfd.readouterr().err

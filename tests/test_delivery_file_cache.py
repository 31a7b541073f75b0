"""
The file cache: which processes share credentials, and which don't.

A further cache of the same folder has what another process would have.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import functools
import os
import pickle
import sys
import traceback

import boto3
import pytest

from botocore.config import Config
from botocore.credentials import RefreshableCredentials
from hypothesis import given, settings
from hypothesis import strategies as st

import stsession

from stsession import FileCache
from stsession._delivery.records import RecordStore
from stsession._util import fresh_process_state
from stsession.testing import FakeClock, Fault, LocalSTS, use_runtime

from .children import run_child
from .wire import links


pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="permissions of POSIX")

ROLE = "arn:aws:iam::123456789012:role/Reader"
HUB = "arn:aws:iam::123456789012:role/Hub"


@pytest.fixture(name="clock")
def _clock():
    clock = FakeClock(dt.datetime.now(dt.timezone.utc))
    with use_runtime(clock=clock):
        yield clock


@pytest.fixture(name="local")
def _local(clock):
    with LocalSTS(clock=clock) as local:
        local.add_role(ROLE)
        local.add_role(HUB)
        yield local


@pytest.fixture(name="user")
def _user(local):
    return local.session(local.add_user())


@pytest.fixture(name="folder")
def _folder(tmp_path):
    return tmp_path / "cache"


@pytest.fixture(name="start")
def _start(folder, user):
    """Return the session of a new process, with a memory of its own."""

    def start(role=ROLE, **options):
        return stsession.assume(
            role, **{"source": user, "cache": FileCache(folder), **options}
        )

    return start


def seconds(number):
    return dt.timedelta(seconds=number)


def key_of(session):
    return session.credentials().access_key_id


def records(folder):
    return {record.access_key_id: key for key, record in RecordStore(folder).entries()}


class TestSharing:
    def test_the_second_process_calls_no_service(self, local, start):
        first = start().credentials()
        second = start().credentials()

        assert first.secret_access_key == second.secret_access_key
        assert first.session_token == second.session_token
        assert first.account_id == second.account_id
        assert first.expires_at.replace(microsecond=0) == second.expires_at
        assert 1 == local.count()

    def test_they_are_refreshed_at_the_same_time(self, local, start, clock):
        first, second = start(), start()
        key_of(first), key_of(second)
        clock.advance(seconds(3600 - 30))

        assert key_of(start()) == key_of(second) == key_of(first)
        assert 2 == local.count()

    def test_credentials_that_have_expired_are_not_used(self, local, start, clock):
        first = key_of(start())
        clock.advance(seconds(3700))

        assert first != key_of(start())
        assert 2 == local.count()

    def test_refresh_and_ensure_get_new_ones(self, local, start, clock):
        first, second = start(), start()
        key_of(first)
        before = key_of(second)
        clock.advance(seconds(600))

        assert before != second.refresh().access_key_id
        # Another process doesn't get older ones than it has requested.
        clock.advance(seconds(900))
        assert first.ensure(dt.timedelta(minutes=55)).expires_at > (
            second.expires_at + dt.timedelta(minutes=5)
        )
        assert 3 == local.count()

    def test_a_chain_is_shared_role_by_role(self, local, start):
        start([HUB, ROLE]).credentials()
        start([HUB, ROLE]).credentials()
        assert 2 == local.count()

        start(HUB).credentials()
        assert 2 == local.count()

    def test_roles_of_a_profile(self, local, folder, tmp_path, monkeypatch):
        files = local.write_profile(
            tmp_path,
            key=local.add_user(),
            name="dev",
            role_arn=ROLE,
            source_profile="dev",
        )
        for name, value in files.environment.items():
            monkeypatch.setenv(name, value)
        sessions = [
            stsession.from_profile("dev", cache=FileCache(folder)) for _ in range(2)
        ]

        assert 1 == len({*map(key_of, sessions)})
        assert 1 == local.count()

    def test_a_fleet(self, local, user, folder):
        keys = set()
        for _ in range(2):
            fleet = stsession.Fleet(
                ["123456789012"],
                role_name="Reader",
                source=user,
                cache=FileCache(folder),
            )
            keys |= {result.value for result in fleet.map(key_of)}

        assert 1 == len(keys)
        assert 1 == local.count()

    def test_one_mfa_code_for_all_processes(self, local, folder, clock):
        key = local.add_user(name="ci")
        device = local.add_mfa_device("ci")
        codes = []

        def code(serial):
            clock.advance(seconds(30))
            codes.append(device.code())
            return codes[-1]

        def start(role):
            return stsession.assume(
                role,
                source=local.session(key),
                mfa_serial=device.serial,
                mfa_code=code,
                cache=FileCache(folder),
            )

        for role in (ROLE, HUB, ROLE):
            start(role).credentials()
        clock.advance(seconds(4000))
        session = start(ROLE)
        assert not session._refresher.would_prompt()
        session.credentials()

        assert 1 == len(codes)
        assert 1 == local.count("GetSessionToken")
        assert 3 == local.count("AssumeRole")

    def test_a_web_identity(self, local, folder, tmp_path, monkeypatch):
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", local.endpoint_url)
        local.add_role(ROLE, web_identity_providers=["https://oidc.example"])
        file = tmp_path / "token"

        def start(subject):
            file.write_text(local.web_identity_token(subject=subject))
            return key_of(
                stsession.web_identity(
                    ROLE, token=file, region="us-east-1", cache=FileCache(folder)
                )
            )

        assert start("alice") == start("alice") != start("bob")
        assert 2 == local.count()

    @pytest.mark.parametrize(
        ("mode", "stored"), [("all", 2), ("roles", 1), ("off", 0), ("", 2)]
    )
    def test_what_is_stored(
        self, local, user, folder, start, mode, stored, monkeypatch
    ):
        monkeypatch.setenv("STSESSION_CACHE", mode)
        start().credentials()
        stsession.session_token(source=user, cache=FileCache(folder)).credentials()

        assert stored == len(records(folder))

    def test_another_value_of_the_variable(self, folder, monkeypatch):
        monkeypatch.setenv("STSESSION_CACHE", "none")
        with pytest.raises(stsession.InvalidRequestError, match="all, roles or off"):
            FileCache(folder)

    def test_the_default_folder(self, folder, start, monkeypatch):
        monkeypatch.setenv("STSESSION_CACHE_DIR", str(folder))
        start(cache=FileCache()).credentials()

        assert 1 == len(records(folder))


class TestIdentity:
    def test_another_user_gets_nothing(self, local, folder):
        """bob, whom the role denies, isn't given what alice has requested."""
        alice, bob = local.add_user(name="alice"), local.add_user(name="bob")
        local.add_role(HUB, trusts=[alice.arn])
        options = {"cache": FileCache(folder)}
        stsession.assume(HUB, source=local.session(alice), **options).credentials()
        with pytest.raises(stsession.AccessDeniedError):
            stsession.assume(HUB, source=local.session(bob), **options).credentials()
        assert 1 == len(records(folder))

    def test_after_a_profile_was_rewritten_for_another_user(
        self, local, folder, tmp_path, monkeypatch
    ):
        alice, bob = local.add_user(name="alice"), local.add_user(name="bob")
        local.add_role(HUB, trusts=[alice.arn])

        def start(user):
            files = local.write_profile(tmp_path, key=user, name="dev")
            monkeypatch.setenv("AWS_CONFIG_FILE", str(files.config_file))
            monkeypatch.setenv(
                "AWS_SHARED_CREDENTIALS_FILE", str(files.credentials_file)
            )
            return stsession.assume(HUB, source="dev", cache=FileCache(folder))

        session = start(alice)
        session.credentials()
        with pytest.raises(stsession.AccessDeniedError):
            start(bob).credentials()
        assert key_of(session) == key_of(start(alice))

    def test_a_source_that_changes_during_the_request(
        self, local, folder, tmp_path, monkeypatch
    ):
        """What bob's key may have signed isn't stored as alice's."""
        alice, bob = local.add_user(name="alice"), local.add_user(name="bob")
        files = local.write_profile(tmp_path, key=alice, name="dev")
        monkeypatch.setenv("AWS_CONFIG_FILE", str(files.config_file))
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(files.credentials_file))
        session = stsession.assume(ROLE, source="dev", cache=FileCache(folder))
        fetch = session._refresher.fetch
        send = fetch._send

        def send_later():
            local.write_profile(tmp_path, key=bob, name="dev")
            return send()

        monkeypatch.setattr(type(fetch), "_send", lambda self: send_later())
        session.credentials()

        assert {} == records(folder)

    def test_functions_are_not_stored(self, local, folder, start, monkeypatch):
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", local.endpoint_url)
        key = local.add_user()

        def keys():
            return {
                "AccessKeyId": key.access_key_id,
                "SecretAccessKey": key.secret_access_key,
            }

        session = stsession.assume(
            ROLE, source=keys, region="us-east-1", cache=FileCache(folder)
        )
        session.credentials()

        assert {} == records(folder)

    def test_sessions_with_credentials_of_code(self, local, user, folder, start):
        session = local.session(local.add_user())
        frozen = session.get_credentials().get_frozen_credentials()
        session._session._credentials = RefreshableCredentials(
            frozen.access_key,
            frozen.secret_key,
            frozen.token,
            dt.datetime.now(dt.timezone.utc) + dt.timedelta(hours=1),
            refresh_using=dict,
            method="mine",
        )
        start(source=session).credentials()

        assert {} == records(folder)

    def test_what_moto_issues_is_not_stored(self, local, start, folder, monkeypatch):
        def send(self, request, **options):
            raise NotImplementedError

        adapters = pytest.importorskip("requests.adapters")
        monkeypatch.setattr(adapters.HTTPAdapter, "send", send)
        start().credentials()

        assert {} == records(folder)


BASE = {
    "role_session_name": "nightly",
    "external_id": "1234",
    "duration_seconds": 1000,
    "policy": {"Version": "2012-10-17", "Statement": []},
    "policy_arns": ["arn:aws:iam::aws:policy/ReadOnlyAccess"],
    "tags": {"team": "data"},
    "transitive_tag_keys": ["team"],
    "source_identity": "me",
    "sts_endpoint_url": "http://localhost:1",
    "sts_regions": ["us-east-1"],
    "sts_config": Config(use_fips_endpoint=False),
    "mfa_serial": "arn:aws:iam::123456789012:mfa/me",
}

CHANGES = {
    "role_session_name": "daily",
    "external_id": "12345",
    "duration_seconds": 1001,
    "policy": {"Version": "2012-10-17", "Statement": [{}]},
    "policy_arns": ["arn:aws:iam::aws:policy/PowerUserAccess"],
    "tags": {"team": "data", "a": "b"},
    "transitive_tag_keys": [],
    "source_identity": "you",
    "sts_endpoint_url": "http://localhost:2",
    "sts_regions": ["us-west-2"],
    "sts_config": Config(use_fips_endpoint=True),
    "mfa_serial": "arn:aws:iam::123456789012:mfa/you",
}


EXAMPLES = int(os.environ.get("STSESSION_TEST_KEYS", "40"))


@functools.cache
def source_of(key, **variables):
    session = boto3.Session(
        aws_access_key_id=key, aws_secret_access_key="secret", region_name="us-east-1"
    )
    for name, value in variables.items():
        session._session.set_config_variable(name, value)
    return session


def portable_key(folder, role=ROLE, source=None, **options):
    session = stsession.assume(
        role, source=source or source_of("AKIAONE"), cache=FileCache(folder), **options
    )
    return session._refresher.fetch.shared.key()


class TestKey:
    @settings(max_examples=EXAMPLES)
    @given(
        base=st.sets(st.sampled_from(sorted(BASE))),
        changed=st.sampled_from(sorted(CHANGES)),
    )
    def test_each_field_alone_changes_it(self, tmp_path_factory, base, changed):
        folder = tmp_path_factory.getbasetemp() / "keys"
        options = {name: BASE[name] for name in base}
        if "transitive_tag_keys" in base or changed == "transitive_tag_keys":
            options["tags"] = BASE["tags"]
        before = portable_key(folder, **options)
        with fresh_process_state():
            assert before == portable_key(folder, **options)

        other = {**options, changed: CHANGES[changed]}
        if options.get(changed) is None and other[changed] == []:
            return
        assert before != portable_key(folder, **other)

    def test_role_source_and_configuration(self, folder):
        keys = [
            portable_key(folder),
            portable_key(folder, HUB),
            portable_key(folder, [HUB, ROLE]),
            portable_key(folder, source=source_of("AKIATWO")),
            portable_key(folder, source=source_of("AKIAONE", use_fips_endpoint=True)),
            portable_key(
                folder, source=source_of("AKIAONE", use_dualstack_endpoint=True)
            ),
        ]

        assert len({*keys}) == len(keys)

    def test_the_endpoint_of_the_environment(self, folder, monkeypatch):
        before = portable_key(folder)
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", "http://localhost:1")

        assert before != portable_key(folder)

    def test_what_does_not_matter(self, folder):
        before = portable_key(folder)
        policy = stsession.RefreshPolicy(advisory=dt.timedelta(minutes=10))

        assert before == portable_key(folder, region="eu-west-1")
        assert before == portable_key(folder, refresh=policy)

    def test_assertions_of_a_context_are_secret(self, folder):
        contexts = {"arn:aws:iam::aws:contextProvider/IdentityCenter": "planted"}

        assert portable_key(folder, provided_contexts=contexts) is None


class TestRejectedKeys:
    def test_the_record_is_removed(self, local, start, folder):
        first, second = start(), start()
        assert key_of(first) == key_of(second)
        local.reject_key(key_of(first))

        new = first._refresher.replace_rejected(key_of(first))
        other = second._refresher.replace_rejected(key_of(second))

        assert new.credentials.access_key_id == other.credentials.access_key_id
        assert {new.credentials.access_key_id} == {*records(folder)}
        assert 2 == local.count()

    def test_a_newer_record_stays(self, local, start, folder):
        first, second = start(), start()
        rejected = key_of(first)
        key_of(second)
        second.refresh()
        first._refresher.replace_rejected(rejected)

        assert key_of(first) == key_of(second)
        assert 2 == local.count()

    def test_a_rejected_source(self, local, start):
        """The first role of a chain."""
        session = start([HUB, ROLE])
        session.credentials()
        local.reject_key(session._refreshers[0].record.credentials.access_key_id)
        start([HUB, ROLE]).refresh()

        assert 2 == local.count(role_arn=HUB)


class TestFolder:
    def test_whatever_is_wrong_with_it_there_are_credentials(
        self, local, start, folder
    ):
        start().credentials()
        (file,) = folder.glob("*.record*")
        content = file.read_bytes()

        def broken():
            yield file.write_bytes(b"")
            yield file.write_bytes(content[:-1])
            yield file.chmod(0o644)
            yield (file.unlink(), os.mkfifo(file, 0o600))
            yield (file.unlink(), file.symlink_to("/dev/zero"))
            yield folder.chmod(0o755)

        for number, _ in enumerate(broken(), 2):
            start().credentials()
            assert number == local.count()

    @pytest.mark.parametrize("output", ["", "{}", "[]", "x", '{"AccessKeyId": 1}'])
    def test_a_whole_record_without_credentials(self, local, start, folder, output):
        store = RecordStore(folder)
        session = start()
        old = key_of(session)
        ((key, record),) = store.entries()
        store.write(key, record._replace(output=output))
        session._refresher.replace_rejected(old)

        assert key_of(start()) == key_of(session) != old
        assert 2 == local.count()

    def test_that_is_read_only(self, local, start, folder, monkeypatch):
        def fail(*args, **kw):
            raise OSError(30, "Read-only file system")

        session = start()
        with monkeypatch.context() as patch:
            patch.setattr("stsession._delivery.records.os.replace", fail)
            patch.setattr("stsession._delivery.records.os.unlink", fail)
            assert session.credentials()
        assert {} == records(folder)

    def test_without_locks(self, local, start, monkeypatch):
        import filelock

        def fail(*args, **kw):
            raise NotImplementedError

        monkeypatch.setattr(filelock.FileLock, "acquire", fail)
        assert key_of(start()) == key_of(start())
        assert 1 == local.count()

    def test_another_process_that_holds_the_lock(
        self, local, start, folder, monkeypatch, clock
    ):
        monkeypatch.setattr("stsession._delivery.file_cache.LOCK_TIMEOUT", 0.05)
        session = start()
        shared = session._refresher.fetch.shared
        with shared.store.lock(shared.key(), 0) as held:
            assert held
            old = key_of(session)
            assert 1 == local.count()
            clock.advance(seconds(3600 - 200))
            assert old == key_of(start())
            clock.advance(seconds(190))
            assert old != key_of(start())
        assert 2 == local.count()

    def test_the_clock_was_set_back(self, local, start, clock):
        key_of(start())
        clock.step_wall(dt.timedelta(hours=-1))
        start().credentials()  # how long the others are valid isn't known

        assert 2 == local.count()

    @pytest.mark.parametrize("hours", [-1, 1])
    def test_times_that_are_an_hour_off(self, local, start, folder, clock, hours):
        """A record that is valid for too long in the file is rejected by a service."""
        first = start()
        old = key_of(first)
        ((key, record),) = first._refresher.fetch.shared.store.entries()
        wrong = record._replace(
            issued=record.issued + 3600 * hours, expires=record.expires + 3600 * hours
        )
        first._refresher.fetch.shared.store.write(key, wrong)
        clock.advance(seconds(3610))
        session = start()
        session._refresher.get()
        if key_of(session) == old:
            session._refresher.replace_rejected(old)

        assert key_of(session) != old
        assert 2 == local.count()


class TestFailures:
    @pytest.fixture(name="down")
    def _down(self, local):
        return lambda: local.faults.add(Fault.error("ServiceUnavailable", status=503))

    def test_with_usable_credentials(self, local, start, clock, down):
        """60 processes in a minute succeed, with at most seven attempts."""
        key = key_of(start())
        clock.advance(seconds(3600 - 300))
        down()
        attempts = 0
        for _ in range(60):
            before = local.count()
            with pretended_pid():
                assert key == key_of(start())
            attempts += local.count() > before
            clock.advance(seconds(1))

        assert 2 <= attempts <= 7

    def test_a_request_for_new_ones(self, local, start, clock, down):
        """It fails at once while a failure is recent and the others can be used."""
        key_of(start())
        down()
        for _ in range(2):
            with pretended_pid(), pytest.raises(stsession.StsUnavailableError):
                start().refresh()
        calls = local.count()
        session = start()
        key_of(session)
        with pytest.raises(stsession.StsUnavailableError):
            session.refresh()

        assert calls == local.count()

    def test_without(self, local, start, clock, down):
        down()
        messages = set()
        for _ in range(20):
            with pretended_pid(), pytest.raises(stsession.StsUnavailableError) as e:
                start().credentials()
            messages.add(str(e.value))
            assert e.value.code == "ServiceUnavailable"
            clock.advance(seconds(0.5))
        calls = local.count()

        assert calls <= 5 * 6
        assert 1 == len(messages)

        local.faults.clear()
        clock.advance(seconds(31))
        start().credentials()

    def test_a_denial(self, local, start, clock):
        local.faults.add(Fault.error("AccessDenied", status=403))
        for _ in range(2):
            with pretended_pid(), pytest.raises(stsession.AccessDeniedError):
                start().credentials()
        assert 1 == local.count()

        local.faults.clear()
        clock.advance(seconds(6))
        start().credentials()

    @pytest.mark.parametrize("own", [True, False])
    def test_each_process_has_pauses_of_its_own(self, start, clock, own):
        session = start()
        shared = session._refresher.fetch.shared
        failure = {
            "until": clock.wall() + 20,
            "process": os.getpid() + (not own),
            "message": "STS was down.",
            "class": "StsUnavailableError",
        }
        shared.store.write_failure(shared.key(), failure)
        if own:
            session.credentials()
        else:
            with pytest.raises(stsession.StsUnavailableError, match="STS was down"):
                session.credentials()
            session.refresh()


class TestFaces:
    def test_repr_and_pickle(self, folder):
        cache = FileCache(folder)
        cache.store.key_of(b"")

        assert f"FileCache({str(folder)!r})" == repr(cache)
        assert repr(cache) == repr(pickle.loads(pickle.dumps(cache)))

    def test_a_pickled_session(self, local, folder, tmp_path, monkeypatch):
        files = local.write_profile(tmp_path, key=local.add_user(), name="dev")
        monkeypatch.setenv("AWS_CONFIG_FILE", str(files.config_file))
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(files.credentials_file))
        session = stsession.assume(ROLE, source="dev", cache=FileCache(folder))
        copied = pickle.loads(pickle.dumps(session))

        assert key_of(session) == key_of(copied)
        assert 1 == local.count()

    def test_without_filelock(self, folder, monkeypatch):
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
        with pytest.raises(ImportError, match=r"pip install 'stsession\[cli\]'"):
            FileCache(folder)

    def test_no_secret_outside_of_the_record(self, local, start, folder, caplog):
        caplog.set_level(1)
        credentials = start().credentials()
        start().credentials()
        local.faults.add(Fault.error("AccessDenied", status=403))
        with pytest.raises(stsession.AccessDeniedError):
            start(external_id="planted-external-id").credentials()
        secrets = (
            credentials.secret_access_key,
            credentials.session_token,
            "planted-external-id",
        )
        elsewhere = "".join(
            [
                it.name
                + (it.read_text(errors="replace") if "record" not in it.name else "")
                for it in folder.iterdir()
            ]
        )
        (record,) = folder.glob("*.record*")
        _, description, _ = record.read_text().splitlines()
        for secret in secrets:
            assert secret not in elsewhere + description
            assert secret not in "".join(
                it.getMessage() for it in caplog.records if it.name == "stsession"
            )

    def test_no_secret_in_tracebacks(self, local, start, clock):
        credentials = start().credentials()
        clock.advance(seconds(3600 - 61))
        local.faults.add(Fault.error("AccessDenied", status=403))
        session = start()
        session.credentials()
        clock.advance(seconds(62))
        for other in (session, start()):
            with pretended_pid(), pytest.raises(stsession.RefreshError) as caught:
                other.credentials()
            held = "".join(
                repr(frame.f_locals)
                for error in links(caught.value)
                for frame, _ in traceback.walk_tb(error.__traceback__)
                if "test_delivery" not in frame.f_code.co_filename
            )
            assert credentials.secret_access_key not in held
            assert credentials.session_token not in held


@contextlib.contextmanager
def pretended_pid():
    """What is done inside counts as done by another process."""
    pids = pretended_pid.pids = getattr(pretended_pid, "pids", 10**7) + 1
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("stsession._delivery.file_cache._this_process", lambda: pids)
        yield


FORKS = """
import os, signal, sys, traceback
import filelock, stsession, stsession._sts.fetcher

role, folder, mode, count = *sys.argv[1:4], int(sys.argv[4])


def start():
    return stsession.assume(role, cache=stsession.FileCache(folder))


def forked(do):
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        signal.alarm(40)
        do()
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(code)


def hold():
    shared = start()._refresher.fetch.shared
    with shared.store.lock(shared.key(), 10) as held:
        os.write(holding[1], b"1" if held else b"0")
        signal.pause()


def work():
    os.close(gate[1])
    os.read(gate[0], 1)  # until all have been started
    key = start().credentials().access_key_id
    os.write(1, f"{key}\\n".encode())  # at once, unlike print()


start().client("sts")  # imports what all need, and parses the model
holding, gate = os.pipe(), os.pipe()
if mode == "killed":
    holder = forked(hold)
    assert os.read(holding[0], 1) == b"1"
pids = [forked(work) for _ in range(count)]
os.close(gate[0])
os.close(gate[1])
if mode == "killed":
    os.kill(holder, signal.SIGKILL)
    os.waitpid(holder, 0)
sys.exit(sum(os.waitpid(pid, 0)[1] != 0 for pid in pids))
"""


@pytest.mark.parametrize(("mode", "count"), [("cold", 16), ("killed", 8)])
def test_processes_at_the_same_time_make_one_request(
    local, folder, tmp_path, mode, count
):
    """Also if the one that has the lock is killed."""
    files = local.write_profile(tmp_path, key=local.add_user())
    done = run_child(
        [sys.executable, "-c", FORKS, ROLE, folder, mode, str(count)],
        env={**os.environ, **files.environment},
        capture_output=True,
        text=True,
    )

    assert (0, "") == (done.returncode, done.stderr)
    keys = done.stdout.split()
    assert (count, 1) == (len(keys), len({*keys})), keys
    assert 1 == local.count()

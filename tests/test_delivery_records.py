"""Records in a folder: whatever is wrong with a file, its record counts as missing."""

from __future__ import annotations

import json
import logging
import os
import random
import signal
import stat
import subprocess
import sys
import threading

from pathlib import Path
from typing import Any

import pytest

from stsession._delivery.records import RecordStore, StoredRecord, default_directory
from stsession._util import fresh_process_state

from .children import run_child, usual_signals


pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="permissions of POSIX")

NOW = 1_800_000_000.0
KEY = "ab" * 32
KILLS = int(os.environ.get("STSESSION_TEST_KILLS", "12"))


def output(number: int = 0, secret: str = "planted-secret") -> str:
    return json.dumps(
        {
            "Version": 1,
            "AccessKeyId": f"ASIA{number:016}",
            "SecretAccessKey": secret,
            "SessionToken": "planted-token",
        }
    )


def record(issued: float = NOW, lifetime: float = 3600.0, **kw: Any) -> StoredRecord:
    return StoredRecord(issued, issued + lifetime, {"role": "Reader"}, output(**kw))


class Clock:
    now = NOW

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> RecordStore:
    return RecordStore(tmp_path / "parent" / "cache", wall=clock)


@pytest.fixture
def file(store: RecordStore) -> Path:
    store.write(KEY, record())
    assert store.read(KEY) == record()
    (file,) = store.path.glob(f"{KEY}.record*")
    return file


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


class TestFiles:
    def test_only_the_user_can_read_them_whatever_the_umask(
        self, store: RecordStore
    ) -> None:
        before = os.umask(0)
        try:
            store.write(KEY, record())
            with store.lock(KEY, 1):
                store.key_of(b"")
        finally:
            os.umask(before)

        assert mode_of(store.path) == 0o700
        assert mode_of(store.path.parent) == 0o700
        files = list(store.path.iterdir())
        assert len(files) >= 3
        assert {mode_of(file) for file in files} == {0o600}

    def test_records_are_replaced(self, store: RecordStore) -> None:
        for number in range(3):
            store.write(KEY, record(number=number))

        assert store.read(KEY) == record(number=2)
        assert [(KEY, record(number=2))] == list(store.entries())

    def test_no_name_and_no_repr_has_a_secret(
        self, store: RecordStore, file: Path
    ) -> None:
        names = " ".join(it.name for it in store.path.iterdir())

        assert "planted" not in names + repr(store) + repr(record())
        assert "planted" in file.read_text()

    @pytest.mark.parametrize("key", ["", "../ab", "AB", "ab/cd", "ab\n"])
    def test_other_keys_are_rejected(self, store: RecordStore, key: str) -> None:
        with pytest.raises(ValueError, match="hexadecimal"):
            store.read(key)


class TestBrokenFiles:
    def test_truncated_at_every_byte(self, store: RecordStore, file: Path) -> None:
        content = file.read_bytes()
        for size in range(len(content)):
            file.write_bytes(content[:size])
            assert store.read(KEY) is None

    def test_a_flipped_bit_in_every_byte(self, store: RecordStore, file: Path) -> None:
        content = bytearray(file.read_bytes())
        for place in range(len(content)):
            bit = 1 << (place % 8)
            content[place] ^= bit
            file.write_bytes(content)
            content[place] ^= bit
            assert store.read(KEY) is None

    @pytest.mark.parametrize(
        "content", [b"", b"\n", b"\0" * 500, b"x" * 70_000, b"{}", b"\xff\n\xff\n"]
    )
    def test_garbage(self, store: RecordStore, file: Path, content: bytes) -> None:
        file.write_bytes(content)

        assert store.read(KEY) is None
        assert list(store.entries()) == []

        store.write(KEY, record(number=5))

        assert store.read(KEY) == record(number=5)

    @pytest.mark.parametrize("mode", [0o644, 0o640, 0o602, 0o000])
    def test_permissions_of_the_file(
        self, store: RecordStore, file: Path, mode: int
    ) -> None:
        file.chmod(mode)
        if mode == 0 and os.access(file, os.R_OK):
            pytest.skip("the superuser can read all files")

        assert store.read(KEY) is None
        assert mode_of(file) == mode

    def test_symbolic_link(self, store: RecordStore, file: Path) -> None:
        file.rename(file.with_name("target"))
        file.symlink_to("target")

        assert store.read(KEY) is None

        store.write(KEY, record(number=5))

        assert not file.is_symlink()
        assert store.read(KEY) == record(number=5)

    def test_hard_link(self, store: RecordStore, file: Path) -> None:
        os.link(file, file.with_name("second"))

        assert store.read(KEY) is None

    def test_fifo_and_folder(self, store: RecordStore, file: Path) -> None:
        file.unlink()
        os.mkfifo(file, 0o600)

        assert store.read(KEY) is None

        file.unlink()
        file.mkdir(0o700)

        assert store.read(KEY) is None
        store.write(KEY, record())  # isn't possible
        assert not list(store.path.glob("new-*"))

    def test_another_format_is_neither_read_nor_overwritten(
        self, store: RecordStore, file: Path
    ) -> None:
        newer = file.with_name(f"{KEY}.record2")
        file.rename(newer)
        before = newer.read_bytes()

        assert store.read(KEY) is None

        store.write(KEY, record(number=5))

        assert newer.read_bytes() == before

    @pytest.mark.parametrize(
        ("issued", "lifetime"),
        [(NOW + 3600, 3600), (NOW, -1), (NOW, 0), (NOW, 1e9), (NOW, float("inf"))],
    )
    def test_impossible_times(
        self, store: RecordStore, issued: float, lifetime: float
    ) -> None:
        store.write(KEY, record(issued, lifetime))

        assert store.read(KEY) is None


class TestFolder:
    @pytest.mark.parametrize("mode", [0o755, 0o710, 0o702])
    def test_a_folder_of_others_is_not_used_and_not_changed(
        self,
        store: RecordStore,
        file: Path,
        mode: int,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        store.path.chmod(mode)
        before = file.read_bytes()

        with fresh_process_state():
            assert store.read(KEY) is None
            store.write(KEY, record(number=5))
            with store.lock(KEY, 1) as held:
                assert not held
            assert len(store.key_of(b"")) == 64

        assert file.read_bytes() == before
        assert mode_of(store.path) == mode
        (message,) = caplog.messages
        assert "STSESSION_CACHE_DIR" in message

    def test_a_link_to_a_folder_is_not_used(
        self, store: RecordStore, file: Path, tmp_path: Path
    ) -> None:
        link = tmp_path / "link"
        link.symlink_to(file.parent)

        assert RecordStore(link, wall=store._wall).read(KEY) is None

    def test_a_file_in_its_place(self, tmp_path: Path) -> None:
        (tmp_path / "cache").write_text("")
        store = RecordStore(tmp_path / "cache")
        store.write(KEY, record())

        assert store.read(KEY) is None

    def test_a_folder_that_cannot_be_made_or_written(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG, "stsession")
        store = RecordStore(Path("/proc/stsession/cache"))
        store.write(KEY, record())

        assert store.read(KEY) is None
        assert list(store.entries()) == []
        assert store.clear() == 0
        with store.lock(KEY, 1) as held:
            assert not held
        assert {it.levelno for it in caplog.records} == {logging.DEBUG}

    def test_a_full_disk_keeps_the_former_record(
        self,
        store: RecordStore,
        file: Path,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        def fail(*args: object) -> None:
            raise OSError(28, "No space left on device")

        caplog.set_level(logging.DEBUG, "stsession")
        monkeypatch.setattr(os, "fsync", fail)
        store.write(KEY, record(number=5))

        assert store.read(KEY) == record()
        assert not list(store.path.glob("new-*"))
        assert [it.levelno for it in caplog.records] == [logging.DEBUG]

    @pytest.mark.parametrize(
        ("environ", "expected"),
        [
            ({"STSESSION_CACHE_DIR": "/a/b"}, "/a/b"),
            ({"XDG_CACHE_HOME": "/x"}, "/x/stsession"),
            ({"XDG_CACHE_HOME": "relative"}, "/home/me/.cache/stsession"),
            ({}, "/home/me/.cache/stsession"),
        ],
    )
    def test_where_it_is(
        self, environ: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sys, "platform", "linux")
        for name in ("STSESSION_CACHE_DIR", "XDG_CACHE_HOME"):
            monkeypatch.delenv(name, raising=False)
        for name, value in {"HOME": "/home/me", **environ}.items():
            monkeypatch.setenv(name, value)

        assert default_directory() == Path(expected)

    def test_where_it_is_on_other_systems(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("STSESSION_CACHE_DIR", raising=False)
        monkeypatch.setenv("HOME", "/home/me")
        monkeypatch.setattr(sys, "platform", "darwin")
        assert default_directory() == Path("/home/me/Library/Caches/stsession")

        monkeypatch.setattr(sys, "platform", "win32")
        monkeypatch.setenv("LOCALAPPDATA", "/local")
        assert default_directory() == Path("/local/stsession/Cache")


class TestKeys:
    def test_they_differ_from_folder_to_folder(self, tmp_path: Path) -> None:
        stores = [RecordStore(tmp_path / name) for name in "ab"]
        keys = {store.key_of(content) for store in stores for content in (b"1", b"2")}

        assert len(keys) == 4
        assert stores[0].key_of(b"1") == RecordStore(tmp_path / "a").key_of(b"1")

    def test_threads_that_make_the_salt_use_one(self, store: RecordStore) -> None:
        keys: list[str] = []
        start = threading.Barrier(8)

        def look() -> None:
            start.wait(10)
            keys.append(RecordStore(store.path).key_of(b"1"))

        threads = [threading.Thread(target=look) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)

        assert len(keys) == 8
        assert {store.key_of(b"1")} == {*keys}

    def test_a_salt_that_others_can_read_is_replaced(self, store: RecordStore) -> None:
        before = store.key_of(b"1")
        (salt,) = (it for it in store.path.glob("salt*") if "lock" not in it.name)
        salt.chmod(0o644)

        assert before != store.key_of(b"1")
        assert mode_of(salt) == 0o600


class TestLocks:
    def test_one_holder_at_a_time(self, store: RecordStore) -> None:
        with store.lock(KEY, 1) as first, store.lock(KEY, 0) as second:
            assert (True, False) == (first, second)
        with store.lock(KEY, 0) as third:
            assert third

    def test_released_when_the_holder_is_killed(self, store: RecordStore) -> None:
        code = (
            "import sys, pathlib; from stsession._delivery.records import RecordStore;"
            "lock = RecordStore(pathlib.Path(sys.argv[1])).lock(sys.argv[2], 5);"
            "print(lock.__enter__(), flush=True); sys.stdin.read()"
        )
        with (
            usual_signals(),
            subprocess.Popen(
                [sys.executable, "-c", code, store.path, KEY],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            ) as holder,
        ):
            assert holder.stdout is not None
            assert holder.stdout.readline() == "True\n"
            with store.lock(KEY, 0) as held:
                assert not held
            holder.send_signal(signal.SIGKILL)
            holder.wait(10)
        with store.lock(KEY, 0) as held:
            assert held

    def test_without_locks_of_the_file_system(
        self, store: RecordStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        import filelock

        def fail(*args: object, **kw: object) -> None:
            raise NotImplementedError

        monkeypatch.setattr(filelock.FileLock, "acquire", fail)
        with store.lock(KEY, 1) as held:
            assert not held


class TestRemoval:
    def test_only_with_that_access_key(self, store: RecordStore, file: Path) -> None:
        store.remove(KEY, "ASIAOTHER")
        assert store.read(KEY) == record()

        store.remove(KEY, record().access_key_id)
        assert store.read(KEY) is None
        store.remove(KEY)

    def test_clear(self, store: RecordStore, clock: Clock) -> None:
        store.write("aa", record(lifetime=10))
        store.write("bb", record())
        store.write_alias("cc", "bb\n")
        clock.now += 60

        assert store.clear(lambda it: it.expires <= clock.now) == 1
        assert [key for key, _ in store.entries()] == ["bb"]
        assert store.clear() == 1
        assert not list(store.path.glob("*alias*"))

    def test_once_an_hour_what_has_expired_for_an_hour(
        self, store: RecordStore, clock: Clock
    ) -> None:
        store.write("aa", record(lifetime=10))
        store.write("bb", record(lifetime=3000))
        store.write_alias("a1", "aa\n")
        store.write_alias("b1", "bb\n")
        (store.path / "dd.record1").write_text("garbage")
        old = store.path / "new-0123"
        old.write_text("")
        os.utime(old, (NOW, NOW))
        clock.now += 3000
        store.write("cc", record(clock.now))
        assert {key for key, _ in store.entries()} == {"aa", "bb", "cc"}

        clock.now += 700
        store.write("cc", record(clock.now))

        assert {key for key, _ in store.entries()} == {"bb", "cc"}
        names = {it.name for it in store.path.iterdir()}
        assert {"bb.record1", "cc.record1", "b1.alias1", "swept1"} == names

    def test_at_most_a_thousand_records(
        self, store: RecordStore, clock: Clock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("stsession._delivery.records.MAX_RECORDS", 3)
        for number in range(5):
            store.write(f"a{number}", record(lifetime=10_000 + number))
        clock.now += 3700
        store.write("ff", record(clock.now, 20_000))

        assert {key for key, _ in store.entries()} == {"a3", "a4", "ff"}


class TestFailures:
    def test_kept_until_a_record_is_written(self, store: RecordStore) -> None:
        assert store.read_failure(KEY) is None
        store.write_failure(KEY, {"code": "AccessDenied"})
        assert store.read_failure(KEY) == {"code": "AccessDenied"}
        store.write(KEY, record())
        assert store.read_failure(KEY) is None

    @pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff"])
    def test_broken(self, store: RecordStore, content: bytes) -> None:
        store.write_failure(KEY, {})
        (file,) = store.path.glob("*.failure*")
        file.write_bytes(content)

        assert store.read_failure(KEY) is None


WRITER = """
import itertools, json, sys, time
from pathlib import Path
from stsession._delivery.records import RecordStore, StoredRecord
store, key, now = RecordStore(Path(sys.argv[1])), sys.argv[2], time.time()
for number in itertools.count(int(sys.argv[3]) * 10**6):
    keys = {"AccessKeyId": f"ASIA{number:016}", "SecretAccessKey": f"secret {number}"}
    line = json.dumps(keys | {"fill": f"{number} " * (number % 700)})
    with store.lock(key, 1):
        store.write(key, StoredRecord(now, now + 3600, {"number": number}, line))
    if number % 10**6 == 0:
        print("ready", flush=True)
"""


def test_kills_at_random_moments_leave_no_broken_record(tmp_path: Path) -> None:
    random.seed(7)
    store = RecordStore(tmp_path / "cache")
    seen = set()
    with usual_signals():
        for start in range(KILLS):
            writer = subprocess.Popen(
                [sys.executable, "-c", WRITER, store.path, KEY, str(start)],
                stdout=subprocess.PIPE,
            )
            try:
                assert writer.stdout is not None
                assert writer.stdout.readline() == b"ready\n"
                for _ in range(random.randrange(400)):
                    found = store.read(KEY)
                    assert found is not None
                    keys = json.loads(found.output)
                    number = found.description["number"]
                    assert keys["SecretAccessKey"] == f"secret {number}"
                    assert found.access_key_id == f"ASIA{number:016}"
                    seen.add(number)
            finally:
                writer.kill()
                writer.communicate(timeout=10)
            assert store.read(KEY) is not None
    assert len(seen) > KILLS  # other records than the first of each writer


def test_imports_nothing_but_the_standard_library(tmp_path: Path) -> None:
    code = (
        "import sys; from stsession._delivery.records import RecordStore;"
        "print({'boto3', 'botocore', 'attrs', 'attr', 'click', 'filelock'}"
        " & {*sys.modules})"
    )
    done = run_child([sys.executable, "-c", code], capture_output=True, text=True)

    assert (done.stdout, done.stderr) == ("set()\n", "")

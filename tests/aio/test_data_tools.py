"""Data tools that read S3 by aiobotocore, across several session durations."""

from __future__ import annotations

import asyncio
import io
import pickle
import sys
import threading

import pytest

import stsession

from stsession import aio

from ..children import process_pool
from .conftest import ROLE


@pytest.fixture(name="files")
def _files(local, session):
    """A file system of s3fs, and tables in the bucket."""
    s3fs = pytest.importorskip("s3fs")
    local.add_bucket("bucket", objects={"a.csv": b"name,count\nx,1\n"})
    return s3fs.S3FileSystem(session=aio.session(session))


def assert_accepted(local):
    """Several keys have signed requests to S3, and none was rejected."""
    calls = [call for call in local.calls() if call.service == "s3"]
    assert "ExpiredToken" not in {call.code for call in calls}
    assert 2 < len({call.access_key_id for call in calls})


@pytest.fixture(name="until_expired")
def _until_expired(local, still_expires):
    """A function that calls another one until the sessions have expired."""
    never = threading.Event()

    def repeat(call, pause=0.1, **options):
        while still_expires(**options):
            call()
            never.wait(pause)
        assert_accepted(local)

    return repeat


def add_parquet(local):
    """Store a table as Parquet."""
    pa = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    table, body = pa.table({"name": ["x"], "count": [1]}), io.BytesIO()
    parquet.write_table(table, body)
    local.add_bucket("bucket", objects={"a.parquet": body.getvalue()})


def test_s3fs(files, until_expired):
    """It reads, writes, lists and deletes."""

    def call():
        files.pipe("bucket/new/x", b"new")
        assert ["bucket/new/x"] == files.ls("bucket/new", detail=False, refresh=True)
        files.rm("bucket/new", recursive=True)
        assert b"value" == files.cat("bucket/key")

    until_expired(call)


def test_rejected_key(files, local):
    """The request is sent once more; a HEAD request isn't: its error has no code."""
    files.pipe("bucket/new", b"old")
    local.reject_current()

    with pytest.raises(OSError, match="Bad Request"):
        files.info("bucket/new", refresh=True)

    files.pipe("bucket/new", b"new")

    assert b"new" == files.cat("bucket/new")


def test_one_file_system_for_equal_sessions(files, local, session):
    """Those of other roles or users have others."""
    source = local.session(local.add_user(name="other"))
    of = type(files)

    assert files is of(session=aio.session(session))
    assert files is not of(session=aio.session(stsession.assume(ROLE, source=source)))
    assert files is not of(session=aio.session(session.assume(f"{ROLE}2")))


def test_pickled_file_system(files, local):
    """There are no secrets in it, and it works."""
    files.cat("bucket/key")
    pickled = pickle.dumps(files)

    assert b"value" == pickle.loads(pickled).cat("bucket/key")
    for key in local.issued():
        assert key.secret_access_key.encode() not in pickled


def test_open_file(files, until_expired):
    """One file is written in parts for longer than a session."""
    size = 5 * 2**20

    with files.open("bucket/large", "wb", block_size=size) as file:
        until_expired(lambda: file.write(b"x" * size), pause=1)

    assert file.tell() == files.info("bucket/large", refresh=True)["size"]


def test_pandas(files, session, until_expired):
    """Paths with s3:// and storage_options."""
    pd = pytest.importorskip("pandas")
    options = {"session": aio.session(session)}

    def call():
        table = pd.read_csv("s3://bucket/a.csv", storage_options=options)
        table.to_parquet("s3://bucket/b.parquet", storage_options=options)
        read = pd.read_parquet("s3://bucket/b.parquet", storage_options=options)
        assert table.equals(read)

    until_expired(call)


@pytest.fixture(name="frame")
def _frame(files, session):
    dataframes = pytest.importorskip("dask.dataframe")
    options = {"session": aio.session(session)}
    return dataframes.read_csv("s3://bucket/a.csv", storage_options=options)


def test_dask_threads(frame, until_expired):
    """One frame, computed in threads."""

    def call():
        assert [["x", 1]] == frame.compute(scheduler="threads").to_numpy().tolist()

    until_expired(call)


def test_dask_processes(frame, local, until_expired):
    """One frame, computed in a process, which has sessions of its own."""
    before = len(local.issued())

    with process_pool(1) as pool:

        def call():
            computed = frame.compute(scheduler="processes", pool=pool)
            assert [["x", 1]] == computed.to_numpy().tolist()

        until_expired(call, others=before)


def test_pyarrow(files, local, until_expired):
    """One dataset."""
    add_parquet(local)
    datasets = pytest.importorskip("pyarrow.dataset")
    from pyarrow.fs import FSSpecHandler, PyFileSystem

    filesystem = PyFileSystem(FSSpecHandler(files))
    dataset = datasets.dataset("bucket/a.parquet", filesystem=filesystem)

    def call():
        assert [{"name": "x", "count": 1}] == dataset.to_table().to_pylist()

    until_expired(call)


def test_pyiceberg(files, until_expired, monkeypatch):
    """One table of a catalog, with a FileIO on s3fs."""
    pa = pytest.importorskip("pyarrow")
    fsspec = pytest.importorskip("pyiceberg.io.fsspec")
    catalogs = pytest.importorskip("pyiceberg.catalog.memory")

    class SessionFileIO(fsspec.FsspecFileIO):
        def get_fs(self, scheme, hostname=None):
            return files

    this = sys.modules[__name__]
    monkeypatch.setattr(this, "SessionFileIO", SessionFileIO, raising=False)
    options = {"py-io-impl": f"{__name__}.SessionFileIO"}
    catalog = catalogs.InMemoryCatalog("c", "s3://bucket/warehouse", **options)
    rows = pa.table({"name": ["x"]})
    catalog.create_namespace("reports")
    table = catalog.create_table("reports.table", schema=rows.schema)
    table.append(rows)

    def call():
        assert [{"name": "x"}] == table.scan().to_arrow().to_pylist()

    until_expired(call)
    catalog.close()


def test_duckdb(files, local, until_expired):
    """One connection."""
    add_parquet(local)
    connection = pytest.importorskip("duckdb").connect()
    connection.register_filesystem(files)

    def call():
        for name in ("a.csv", "a.parquet"):
            rows = connection.sql(f"select * from 's3://bucket/{name}'")
            assert [("x", 1)] == rows.fetchall()

    until_expired(call)
    connection.close()


def test_aioboto3(local, session, still_expires):
    """One client and one resource."""
    aioboto3 = pytest.importorskip("aioboto3")
    sessions = aioboto3.Session(botocore_session=aio.session(session))

    async def main():
        async with sessions.client("s3") as client, sessions.resource("s3") as s3:
            bucket = await s3.Bucket("bucket")
            while still_expires():
                await client.put_object(Bucket="bucket", Key="new", Body=b"new")
                keys = [each.key async for each in bucket.objects.all()]
                assert ["key", "new"] == keys

    asyncio.run(main())

    assert_accepted(local)

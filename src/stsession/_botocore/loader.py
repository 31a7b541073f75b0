"""Service models, parsed once per process."""

from __future__ import annotations

import gc
import gzip
import json
import os
import threading

from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from botocore.exceptions import BotoCoreError, DataNotFoundError
from botocore.loaders import ExtrasProcessor, JSONFileLoader, Loader

from .._locks import guarded
from .._requests.limits import use_sdk_models
from .._util import forget_after_fork, per_process


__all__ = [
    "InstalledModels",
    "ModelLoader",
    "Models",
    "loader_for",
    "without_collection",
]


T = TypeVar("T")


class _GarbageCollector:
    """
    Pauses the interpreter's garbage collector while functions are called.

    Importing the SDK, parsing a model and making a client create tens of thousands
    of objects each, all of which stay. The collector would traverse them repeatedly.
    """

    def __init__(self) -> None:
        self._calls: set[object] = set()
        self._switched_off = False  # by this object, which has to undo it
        forget_after_fork(self)

    def _after_fork(self) -> None:
        # The threads of the calls don't exist here.
        self._calls = set()
        if self._switched_off:
            gc.enable()
            self._switched_off = False

    def paused(self, work: Callable[[], T]) -> T:
        """
        Return what *work* returns; the last call to end switches collection on.

        There is no lock: if two calls overlap at the wrong moment, one of them runs
        with the collector on. If the collector was off before, it stays off.
        """
        call = object()
        try:
            self._calls.add(call)
            if gc.isenabled():
                self._switched_off = True
                gc.disable()
            return work()
        finally:
            # An exception may be delivered after each of these calls.
            try:
                self._calls.discard(call)
            finally:
                if self._switched_off and not self._calls:
                    self._switched_off = False  # first: a call may begin meanwhile
                    gc.enable()


without_collection = _GarbageCollector().paused


LARGE = 65_536
"""The size in bytes from which the garbage collector slows down parsing."""


def _read_gzip(path: Path) -> bytes:
    return gzip.decompress(path.read_bytes())


READERS: dict[str, Callable[[Path], bytes]] = {
    ".json": Path.read_bytes,
    ".json.gz": _read_gzip,
}


class Models(JSONFileLoader):
    """
    Reads models as plain dicts, in the order of the file.

    It logs nothing: it is called under a lock, and a logging handler may need a model.
    """

    def load_file(self, file_path: str) -> Any:
        """
        Return the parsed contents of a file, or `None` if it doesn't exist.

        Args:
            file_path: The path of the file without its extension.
        """
        for extension, read in READERS.items():
            path = Path(file_path + extension)
            if path.is_file():
                model = _parsed(read(path).decode())
                if model is not None:
                    return model
        return None


def _parsed(text: str) -> Any:
    if len(text) < LARGE:
        return json.loads(text)
    return without_collection(lambda: json.loads(text))


class _UniquePaths(list[str]):
    """
    A search path without duplicates.

    Each `boto3.Session` appends its own folder to its loader's search path.
    """

    def append(self, path: str) -> None:
        if path not in self:
            super().append(path)

    def extend(self, paths: Iterable[str]) -> None:
        for path in paths:
            self.append(path)


class ModelLoader(Loader):
    """
    A faster, thread-safe replacement for botocore's model loader.

    All sessions of the process share the returned models, which must not be changed.

    Args:
        paths: Folders that are searched before all others.
    """

    def __init__(self, paths: Iterable[str] = ()) -> None:
        super().__init__(extra_search_paths=_UniquePaths(paths), file_loader=Models())
        self._extras = ExtrasProcessor()
        self._complete: dict[tuple[str, str, str | None], Any] = {}
        self._after_fork()
        forget_after_fork(self)

    def _after_fork(self) -> None:
        # No two threads parse the same file. As json keeps the interpreter lock, a
        # single lock for all files costs nothing.
        self._lock = threading.RLock()

    def load_service_model(
        self, service_name: str, type_name: str, api_version: str | None = None
    ) -> Any:
        """
        Return a model with the additions of the SDKs.

        Unlike botocore, it doesn't first list the folders of all 400 services.

        Raises:
            botocore.exceptions.UnknownServiceError: If there is no such service.

            botocore.exceptions.DataNotFoundError: If there is no such version.
        """
        key = (service_name, type_name, api_version)
        model = self._complete.get(key)
        if model is None:
            model = guarded(self._lock, lambda: self._load_once(key))
        return model

    def _load_once(self, key: tuple[str, str, str | None]) -> Any:
        model = self._complete.get(key)
        if model is None:
            model = self._complete[key] = self._load(*key)
        return model

    def _load(self, service: str, type_name: str, version: str | None) -> Any:
        if not self._exists(service, type_name):
            # Raises an error with the names of those that exist.
            return super().load_service_model(service, type_name, version)
        if version is None:
            latest = self.determine_latest_version(service, type_name)
            return self.load_service_model(service, type_name, latest)
        return self._load_with_extras(service, type_name, version)

    def _exists(self, service_name: str, type_name: str) -> bool:
        # Compares with a list of names: "../s3" is not a service, nor is "S3" on a Mac.
        folders = filter(os.path.isdir, self.search_paths)
        if not any(service_name in os.listdir(folder) for folder in folders):  # noqa: PTH208
            return False
        try:
            self.list_api_versions(service_name, type_name)
        except DataNotFoundError:
            return False
        return True

    def _load_with_extras(self, service: str, type_name: str, version: str) -> Any:
        folder = os.path.join(service, version)  # noqa: PTH118 - botocore's are strings
        model = self.load_data(os.path.join(folder, type_name))  # noqa: PTH118
        for kind in self.extras_types:
            name = os.path.join(folder, f"{type_name}.{kind}-extras")  # noqa: PTH118
            try:
                self._extras.process(model, [self.load_data(name)])
            except DataNotFoundError:
                continue
        return model

    def load_data_with_path(self, name: str) -> Any:
        load = super().load_data_with_path
        return guarded(self._lock, lambda: load(name))


def _expanded(data_path: str | None) -> tuple[str, ...]:
    if data_path is None:
        return ()
    return tuple(
        os.path.expanduser(os.path.expandvars(path))  # noqa: PTH111 - as botocore
        for path in data_path.split(os.pathsep)
    )


_loaders = per_process(dict[tuple[str, ...], ModelLoader], of_files=True)


def loader_for(data_path: str | None) -> ModelLoader:
    """Return the loader for a search path, in the format of ``AWS_DATA_PATH``."""
    paths, loaders = _expanded(data_path), _loaders()
    loader = loaders.get(paths)
    # If two threads make a loader, the first one is used.
    return loaders.setdefault(paths, ModelLoader(paths)) if loader is None else loader


_UNREADABLE = (BotoCoreError, LookupError, OSError, TypeError, ValueError)


class InstalledModels:
    """
    Limits and partitions in the models of the installed SDK.

    ``AWS_DATA_PATH`` is searched as well. A model that can't be found or read has no
    limits, so that only this library's own limits apply.
    """

    def traits(self, path: str) -> Mapping[str, Any]:
        """
        Return the ``min``, ``max`` and ``pattern`` of a parameter, if it has them.

        Args:
            path: Service, operation and members: ``sts.AssumeRole.Tags[].Key``.
        """
        service, operation, *members = path.split(".")
        try:
            model = _installed_loader().load_service_model(service, "service-2")
            shapes = model["shapes"]
            shape = shapes[model["operations"][operation]["input"]["shape"]]
            for member in members:
                name = member.removesuffix("[]")
                shape = shapes[shape["members"][name]["shape"]]
                if name != member:
                    shape = shapes[shape["member"]["shape"]]
        except _UNREADABLE:
            return {}
        traits: Mapping[str, Any] = shape
        return traits

    def partitions(self) -> Collection[str]:
        try:
            partitions = _installed_loader().load_data("partitions")["partitions"]
            return tuple(partition["id"] for partition in partitions)
        except _UNREADABLE:
            return ()


def _installed_loader() -> ModelLoader:
    return loader_for(os.environ.get("AWS_DATA_PATH"))


use_sdk_models(InstalledModels())

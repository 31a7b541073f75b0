"""What botocore's service model says about parameters, and what breaks it."""

from __future__ import annotations

import functools
import re
import sys
import unicodedata

from typing import Any

import botocore.loaders
import botocore.model


@functools.cache
def input_shape(operation: str) -> Any:
    """The parameters of an operation of STS."""
    document = botocore.loaders.Loader().load_service_model("sts", "service-2")
    model = botocore.model.ServiceModel(document)
    return model.operation_model(operation).input_shape


def ranges(category: str) -> str:
    """Write a category of Unicode as the inside of a character class."""
    edges = []
    inside = False
    for code in range(sys.maxunicode + 2):
        is_member = (
            code <= sys.maxunicode and unicodedata.category(chr(code))[0] == category
        )
        if is_member != inside:
            edges.append(code)
            inside = is_member
    return "".join(
        f"\\U{first:08x}-\\U{after - 1:08x}"
        for first, after in zip(edges[::2], edges[1::2], strict=True)
    )


@functools.cache
def compiled(pattern: str) -> re.Pattern[str]:
    """Translate a pattern of the service model, which is written for Java."""
    for category in "LZN":
        if rf"\p{{{category}}}" in pattern:
            pattern = pattern.replace(rf"\p{{{category}}}", ranges(category))
    pattern = pattern.replace(r"\u10000-\u10FFFF", r"\U00010000-\U0010FFFF")
    return re.compile(pattern, re.ASCII)


def breaches(shape: Any, value: Any) -> list[str]:
    """Return what of *value* the service model forbids, patterns and maximums too."""
    if shape.type_name == "structure":
        found = [f"{name}?" for name in shape.required_members if name not in value]
        for name, member in value.items():
            found += breaches(shape.members[name], member)
        return found

    size = value if shape.type_name == "integer" else len(value)
    found = []
    if not shape.metadata.get("min", 0) <= size <= shape.metadata.get("max", size):
        found.append(f"{shape.name}: {size}")
    if shape.type_name == "list":
        for member in value:
            found += breaches(shape.member, member)
    pattern = shape.metadata.get("pattern")
    if pattern is not None and compiled(pattern).fullmatch(value) is None:
        found.append(f"{shape.name}: {value!r}")
    return found

"""
The process whose start is measured: ``python -m benchmarks.first_request NAME``.
"""

from __future__ import annotations

import os
import sys


def main(name: str) -> None:
    """
    Sign one request to S3, and end.
    """
    from .contenders import CONTENDERS
    from .server import BUCKET

    client = CONTENDERS[name]().session(0).client("s3")
    client.list_objects_v2(Bucket=BUCKET)
    os._exit(0)  # what an interpreter does at its end isn't asked for


if __name__ == "__main__":
    main(sys.argv[1])

"""
Adapters that give a session's credentials to Polars, obstore, httpx and requests.

This package imports none of them; `sigv4()` imports httpx, if that is installed.
"""

from __future__ import annotations

from ._obstore import obstore
from ._polars import polars
from ._sigv4 import sigv4


__all__ = ["obstore", "polars", "sigv4"]

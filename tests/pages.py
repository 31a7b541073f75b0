"""The pages of the documentation, and the limits in them."""

from __future__ import annotations

from pathlib import Path

from stsession._requests import limits as _limits
from stsession._requests.limits import Limit


ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"

LIMITS = [limit for limit in vars(_limits).values() if isinstance(limit, Limit)]

"""
Where the documentation is, and the limits that it tells.
"""

from __future__ import annotations

from pathlib import Path

from stsession._requests import limits as _limits
from stsession._requests.limits import Limit


ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"

LIMITS = [limit for limit in vars(_limits).values() if isinstance(limit, Limit)]

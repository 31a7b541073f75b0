"""
Where the documentation is, and the limits that it tells.
"""

from __future__ import annotations

import re

from pathlib import Path

from stsession import _limits
from stsession._bounds import Limit


ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"

# Those of AssumeRole, not of STS's other operations.
LIMITS = [
    limit
    for limit in vars(_limits).values()
    if isinstance(limit, Limit)
    and re.search(r"/API_(?!AssumeRole\.html)", limit.source) is None
]

"""
Never run: mypy and pyright read what our users see.
"""

import stsession


_ = stsession

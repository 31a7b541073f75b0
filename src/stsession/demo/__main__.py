"""Entry point of ``python -m stsession.demo``."""

from __future__ import annotations

import signal
import sys


# The import below takes a second; Ctrl-C ends it without a traceback. Where SIGINT
# is ignored, it stays ignored.
_raises = signal.getsignal(signal.SIGINT) is signal.default_int_handler
if _raises:
    signal.signal(signal.SIGINT, signal.SIG_DFL)

from ._cli import main  # noqa: E402


if _raises:
    signal.signal(signal.SIGINT, signal.default_int_handler)
sys.exit(main())

"""``python -m talkingface``."""

from __future__ import annotations

import sys

from talkingface.cli import main

if __name__ == "__main__":
    sys.exit(main())

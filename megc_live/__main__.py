"""``python -m megc_live`` is ``megc-live``."""

from megc_live.cli import main

main()

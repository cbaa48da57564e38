"""What the subcommands of ``megc-live`` do, one module each; :mod:`megc_live.cli` only parses."""

"""Rebuilds every model and evaluates methods; see ``megc-train --help``."""

import megc_live as megc_live  # before any other library: it keeps them from reporting to their makers

"""What the market of the dashboard's benchmark consists of; see market.py."""

import datetime as dt
from typing import Final

FEED: Final = "ladder"
UNDERLYING: Final = "ACME"
SPOT: Final = 512.34
STRIKES: Final = 200
FIRST_STRIKE: Final = 413
EXPIRIES: Final = (dt.date(2030, 1, 18), dt.date(2030, 2, 15), dt.date(2030, 3, 15))
# A price and the size beside it.
CELLS_A_QUOTE: Final = 2

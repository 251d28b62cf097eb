"""The control of the failover tests: an ingest that takes the next master for the former one.

python -m tests.failover.unaware SYMBOLS LEDGER
"""

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")


def main() -> None:
    from marketdata.bus import lease
    from marketdata.bus.history_stream import HistoryStream
    from tests.path import scripted_ingest
    from tests.path.ledger import Ledger

    # Neither a new term, nor what was appended last again. A lease that outlives the failover, as after a short one.
    vars(lease)["master_of"] = lambda _: None
    vars(lease)["DURATION_S"] = 60.0
    HistoryStream._server_left = lambda self: None  # type: ignore[method-assign]
    HistoryStream._wait_with_kept = _wait_without  # type: ignore[method-assign]
    asyncio.run(scripted_ingest.main(int(sys.argv[1]), Ledger(Path(sys.argv[2]))))


def _wait_without(self: Any) -> None:
    from marketdata.bus.spill import Spill

    self._spill = Spill.create(self._options.spill, self._feed)


if __name__ == "__main__":
    main()

"""The control of the ledger tests: the recorder and the ingest without that which makes up for a kill.

python -m tests.history.forgetful record_history        takes over no batch that another recorder left
python -m tests.history.forgetful SYMBOLS LEDGER        brings out no journal that another leader left
"""

import asyncio
import os
import sys
from pathlib import Path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")


def main() -> None:
    if sys.argv[1] == "record_history":
        from django.core.management import execute_from_command_line

        from marketdata.bus.history_reader import HistoryReader

        HistoryReader.take_over = lambda *_: []  # type: ignore[method-assign]
        execute_from_command_line(["manage.py", "record_history"])
        return
    from marketdata.bus.spill import Spill
    from tests.path import scripted_ingest
    from tests.path.ledger import Ledger

    Spill.left_behind = classmethod(lambda *_: iter(()))  # type: ignore[method-assign, assignment]
    asyncio.run(scripted_ingest.main(int(sys.argv[1]), Ledger(Path(sys.argv[2]))))


if __name__ == "__main__":
    main()

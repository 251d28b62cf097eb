"""`manage.py` whose web process looks at the rights of those who are in only when it is told to, and not at all in turn:
what a test then sees was told.

    python -m tests.stream.serve_by_word serve --port 8001
"""

import os
import sys

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
import django

django.setup()

from django.core.management import execute_from_command_line  # noqa: E402

from marketdata.stream.credentials import Credentials  # noqa: E402


def nobody(self: Credentials) -> list[int]:
    return []


if __name__ == "__main__":
    Credentials._next = nobody  # type: ignore[method-assign]
    execute_from_command_line(["manage.py", *sys.argv[1:]])

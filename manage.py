#!/usr/bin/env python
"""Django's command line for Strikewire."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    from project.server_errors import told

    try:
        execute_from_command_line(sys.argv)
    except Exception as error:
        line = told(error)
        if line is None or "--traceback" in sys.argv:
            raise
        # One line, not a traceback; 78 is EX_CONFIG, after which a supervisor does not try again.
        print(f"error: {line}", file=sys.stderr)
        sys.exit(78 if isinstance(error, ImproperlyConfigured) else 1)


if __name__ == "__main__":
    main()

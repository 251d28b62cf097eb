#!/usr/bin/env python
"""Django's command line for Strikewire."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        # One line, not a traceback; 78 is EX_CONFIG, after which a supervisor does not try again.
        print(f"error: {error}", file=sys.stderr)
        sys.exit(78)


if __name__ == "__main__":
    main()

"""Daphne as an application of Django's, without its server: its own configuration loads that, and Twisted with it, into
every process. Only `runserver` needs it, and loads it by itself.
"""

from django.apps import AppConfig


class DaphneConfig(AppConfig):
    name = "daphne"
    verbose_name = "Daphne"

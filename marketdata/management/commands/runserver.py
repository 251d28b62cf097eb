"""`manage.py runserver`: the same application on Daphne, for development."""

from daphne.management.commands.runserver import Command as DaphneCommand

from project.daphne_server import DaphneServer


class Command(DaphneCommand):
    server_cls = DaphneServer

"""Routes of the REST API."""

from django.urls import URLPattern, URLResolver, include, path, re_path

from .instruments import InstrumentsView, InstrumentView
from .me import MeView
from .schema import docs, schema
from .tickets import TicketsView
from .unknown import UnknownView
from .watchlists import EntriesView, EntryView, WatchlistsView, WatchlistView

_version_1: list[URLPattern | URLResolver] = [
    path("me/", MeView.as_view(), name="me"),
    path("stream/tickets/", TicketsView.as_view(), name="tickets"),
    path("instruments/", InstrumentsView.as_view(), name="instruments"),
    path("instruments/<str:symbol>/", InstrumentView.as_view(), name="instrument"),
    path("watchlists/", WatchlistsView.as_view(), name="watchlists"),
    path("watchlists/<int:watchlist>/", WatchlistView.as_view(), name="watchlist"),
    path("watchlists/<int:watchlist>/entries/", EntriesView.as_view(), name="entries"),
    path("watchlists/<int:watchlist>/entries/<int:entry>/", EntryView.as_view(), name="entry"),
]

urlpatterns: list[URLPattern | URLResolver] = [
    path("v1/", include(_version_1)),
    path("schema/", schema, name="schema"),
    path("docs/", docs, name="docs"),
    re_path(r"", UnknownView.as_view(), name="unknown"),
]

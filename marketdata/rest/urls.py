"""Routes of the REST API."""

from django.urls import URLPattern, URLResolver, include, path, re_path

from .bars import BarsView
from .chain import ChainView, ExpiryView
from .chains import ChainsView
from .instruments import InstrumentsView, InstrumentView
from .me import MeView
from .paste import PasteView
from .quotes import QuotesView
from .schema import docs, schema
from .sharing import SharedCopyView, SharedView, ShareView
from .smile import SmileView
from .sparklines import SparklinesView
from .surface import SurfaceView
from .tickets import TicketsView
from .ticks import TicksView
from .tokens import TokensView, TokenView
from .trades import TradesView
from .unknown import UnknownView
from .watchlist_items import ItemsView, RollingsView, RollingView, SectionsView, SectionView
from .watchlists import EntriesView, EntryView, WatchlistsView, WatchlistView

_version_1: list[URLPattern | URLResolver] = [
    path("me/", MeView.as_view(), name="me"),
    path("tokens/", TokensView.as_view(), name="tokens"),
    path("tokens/<str:token>/", TokenView.as_view(), name="token"),
    path("stream/tickets/", TicketsView.as_view(), name="tickets"),
    path("instruments/", InstrumentsView.as_view(), name="instruments"),
    path("instruments/<str:symbol>/", InstrumentView.as_view(), name="instrument"),
    path("instruments/<str:symbol>/ticks/", TicksView.as_view(), name="ticks"),
    path("instruments/<str:symbol>/trades/", TradesView.as_view(), name="trades"),
    path("instruments/<str:symbol>/bars/", BarsView.as_view(), name="bars"),
    path("quotes/", QuotesView.as_view(), name="quotes"),
    path("sparklines/", SparklinesView.as_view(), name="sparklines"),
    path("chains/", ChainsView.as_view(), name="chains"),
    path("chains/<str:underlying>/", ChainView.as_view(), name="chain"),
    path("chains/<str:underlying>/surface/", SurfaceView.as_view(), name="surface"),
    path("chains/<str:underlying>/<str:expiry>/", ExpiryView.as_view(), name="expiry"),
    path("chains/<str:underlying>/<str:expiry>/smile/", SmileView.as_view(), name="smile"),
    path("watchlists/", WatchlistsView.as_view(), name="watchlists"),
    path("watchlists/<int:watchlist>/", WatchlistView.as_view(), name="watchlist"),
    path("watchlists/<int:watchlist>/entries/", EntriesView.as_view(), name="entries"),
    path("watchlists/<int:watchlist>/entries/<int:entry>/", EntryView.as_view(), name="entry"),
    path("watchlists/<int:watchlist>/items/", ItemsView.as_view(), name="items"),
    path("watchlists/<int:watchlist>/sections/", SectionsView.as_view(), name="sections"),
    path("watchlists/<int:watchlist>/sections/<int:section>/", SectionView.as_view(), name="section"),
    path("watchlists/<int:watchlist>/rolling/", RollingsView.as_view(), name="rollings"),
    path("watchlists/<int:watchlist>/rolling/<int:rolling_entry>/", RollingView.as_view(), name="rolling"),
    path("watchlists/<int:watchlist>/paste/", PasteView.as_view(), name="paste"),
    path("watchlists/<int:watchlist>/share/", ShareView.as_view(), name="share"),
    path("shared/", SharedView.as_view(), name="shared"),
    path("shared/copy/", SharedCopyView.as_view(), name="shared_copy"),
]

urlpatterns: list[URLPattern | URLResolver] = [
    path("v1/", include(_version_1)),
    path("schema/", schema, name="schema"),
    path("docs/", docs, name="docs"),
    re_path(r"", UnknownView.as_view(), name="unknown"),
]

"""The admin's menu: what a person may look at, and nothing else. The settings name `navigation`."""

from typing import Any, Final, NamedTuple

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse


class Entry(NamedTuple):
    """`model` is that of the list whose right to view shows the entry; None is open to all of the staff."""

    title: str
    icon: str
    address: str
    model: str | None


GROUPS: Final = (
    (
        "Market data",
        (
            Entry("Feeds, live", "monitor_heart", "feeds_live", None),
            Entry("Coverage", "filter_alt", "admin:marketdata_coverage_changelist", "marketdata.Coverage"),
            Entry("Instruments", "list", "admin:marketdata_instrument_changelist", "marketdata.Instrument"),
            Entry("Feed settings", "tune", "admin:marketdata_feedsettings_changelist", "marketdata.FeedSettings"),
        ),
    ),
    (
        "People",
        (
            Entry("Users", "person", "admin:accounts_user_changelist", "accounts.User"),
            Entry("Groups", "group", "admin:auth_group_changelist", "auth.Group"),
            Entry("Invitations", "mail", "admin:accounts_invitation_changelist", "accounts.Invitation"),
            Entry("Sign-ins", "login", "admin:accounts_signinattempt_changelist", "accounts.SignInAttempt"),
            Entry("Watchlists", "visibility", "admin:accounts_watchlist_changelist", "accounts.Watchlist"),
            Entry("Live connections", "lan", "connections", "accounts.User"),
            Entry("Feed use", "fact_check", "admin:accounts_feeduse_changelist", "accounts.FeedUse"),
            Entry("API tokens", "key", "admin:accounts_apitoken_changelist", "accounts.ApiToken"),
            Entry("Changes", "history", "admin:admin_logentry_changelist", "admin.LogEntry"),
        ),
    ),
)


def may_view(request: HttpRequest, model: str | None) -> bool:
    """As the model's own admin says."""
    found = [one for each, one in admin.site._registry.items() if each._meta.label == model]
    return model is None or any(one.has_view_permission(request) for one in found)


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    groups = [
        {
            "title": title,
            "items": [
                {"title": entry.title, "icon": entry.icon, "link": reverse(entry.address)}
                for entry in entries
                if may_view(request, entry.model)
            ],
        }
        for title, entries in GROUPS
    ]
    return [group for group in groups if group["items"]]

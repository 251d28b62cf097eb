"""Feeds in the admin: their settings, checked before they are saved, and the page that shows how each one's ingest works.
The page is a client of the stream like any other; its buttons ask first.
"""

from typing import Any, Final, NamedTuple

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from unfold.widgets import UnfoldAdminSelectWidget

from frontend.vite_manifest import NotBuiltError, built

from ..bus.orders import Deed, Order
from ..feeds import registry
from ..feeds.base import FeedError
from ..models import FeedSettings
from . import orders, trail
from .coverage import feed_choices
from .live import vitals_of
from .trail import Trailed

ENTRY: Final = "src/admin/feeds.ts"


class Button(NamedTuple):
    """What a button of the feed page asks, and what it orders."""

    do: Deed
    name: str
    question: str
    explanation: str
    said: str


BUTTONS: Final = {
    "reconnect": Button(
        "reconnect",
        "Reconnect",
        "Reconnect {feed}?",
        "Every connection to the provider is closed and opened again. Quotes pause for a moment; nothing else changes.",
        "told to reconnect",
    ),
    "hand-over": Button(
        "hand_over",
        "Hand over",
        "Hand {feed} over to a standby?",
        "The leading process gives the feed up and stands by; another takes over within a second or so.",
        "told to hand over",
    ),
}


class FeedSettingsForm(forms.ModelForm):  # type: ignore[type-arg]
    feed = forms.ChoiceField(choices=feed_choices, widget=UnfoldAdminSelectWidget)

    class Meta:
        model = FeedSettings
        fields = ("feed", "most_instruments", "most_quotes_per_second", "options")

    def clean(self) -> Any:
        cleaned = super().clean() or {}
        feed, options = cleaned.get("feed"), cleaned.get("options")
        if feed and "options" not in self.errors and (problem := problem_with(feed, options)):
            self.add_error("options", problem)
        return cleaned


def problem_with(feed: str, options: Any) -> str | None:
    """Why the feed cannot be built with these over the environment's options; None where it can."""
    environment: dict[str, Any] = dict(getattr(settings, "FEEDS")[feed])  # noqa: B009
    if not isinstance(options, dict):
        return "This has to be a JSON object, such as {}."
    unknown = sorted(set(options) - set(environment))
    if unknown:
        return f"There is no option {', '.join(unknown)[:100]}; there are {', '.join(environment)}."
    try:
        registry.build(feed, {**environment, **options})
    except FeedError as error:
        return str(error)
    except (TypeError, ValueError, OSError) as error:
        return f"The feed cannot be built so: {error}"
    return None


@admin.register(FeedSettings)
class FeedSettingsAdmin(Trailed):
    form = FeedSettingsForm
    list_display = ("feed", "most_instruments", "most_quotes_per_second", "options", "updated_at")

    def get_readonly_fields(self, request: HttpRequest, obj: FeedSettings | None = None) -> list[str]:
        return ["feed"] if obj is not None else []

    def save_model(self, request: HttpRequest, obj: FeedSettings, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if "options" in form.changed_data:
            orders.restart_after_commit(request, obj.feed)

    def delete_model(self, request: HttpRequest, obj: FeedSettings) -> None:
        super().delete_model(request, obj)
        if obj.options:
            orders.restart_after_commit(request, obj.feed)

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        for one in queryset:
            self.delete_model(request, one)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        ours = [
            path("live/", view(self.live_view), name="marketdata_feeds"),
            path("live/<slug:feed>/<slug:button>/", view(self.button_view), name="marketdata_feed_button"),
        ]
        return [*ours, *super().get_urls()]

    def live_view(self, request: HttpRequest) -> HttpResponse:
        """The page; what moves on it comes by the stream."""
        try:
            built(ENTRY)
        except NotBuiltError as error:
            return HttpResponse(f"{error}\n", status=503, content_type="text/plain; charset=utf-8")
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "Feeds, live",
            "feeds": sorted(registry.FEEDS),
            "buttons": list(BUTTONS.items()) if self.has_change_permission(request) else [],
            "entry": ENTRY,
        }
        return TemplateResponse(request, "admin/marketdata/feeds/live.html", context)

    def button_view(self, request: HttpRequest, feed: str, button: str) -> HttpResponse:
        """Asks, and once that is confirmed orders."""
        if feed not in registry.FEEDS or button not in BUTTONS:
            raise Http404
        if not self.has_change_permission(request):
            raise PermissionDenied
        asked = BUTTONS[button]
        vitals = vitals_of([feed])[feed]
        alone = asked.do == "hand_over" and not (vitals is not None and vitals.standbys)
        force = request.POST.get("force") == "yes"
        if request.method == "POST" and alone and not force:
            messages.error(
                request, f"{feed} was not handed over: no standby of it is known. Confirm it to do so anyway."
            )
        elif request.method == "POST":
            user = request.user
            if orders.give(request, feed, Order(asked.do, by=user.get_username(), force=force)):
                messages.success(request, f"{feed} was {asked.said}.")
                of = FeedSettings.objects.filter(feed=feed).first() or FeedSettings(feed=feed)
                assert user.pk is not None
                trail.enter(int(user.pk), [(of, CHANGE, asked.said + (" without a standby" if alone else ""))])
            return HttpResponseRedirect(reverse("admin:marketdata_feeds"))
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": asked.question.format(feed=feed),
            "explanation": asked.explanation,
            "alone": alone,
            "button": asked.name,
            "back": reverse("admin:marketdata_feeds"),
        }
        return TemplateResponse(request, "admin/marketdata/feeds/ask.html", context)

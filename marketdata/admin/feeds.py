"""The settings of feeds in the admin, checked before they are saved: a running ingest builds its feed anew by them."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest
from unfold.widgets import UnfoldAdminSelectWidget

from ..feeds import registry
from ..feeds.base import FeedError
from ..models import FeedSettings
from . import orders
from .coverage import feed_choices
from .trail import Trailed


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
        before = FeedSettings.objects.filter(pk=obj.pk).values_list("options", flat=True).first() or {}
        super().save_model(request, obj, form, change)
        if obj.options != before:
            orders.restart_after_commit(request, obj.feed)

    def delete_model(self, request: HttpRequest, obj: FeedSettings) -> None:
        super().delete_model(request, obj)
        if obj.options:
            orders.restart_after_commit(request, obj.feed)

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        for one in queryset:
            self.delete_model(request, one)

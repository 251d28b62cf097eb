"""The settings of feeds in the admin, checked before they are saved: a running ingest builds its feed anew by them."""

import json
import math
from typing import Any, ClassVar, Final

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget

from ..feeds import registry
from ..feeds.base import FeedError
from ..models import FeedSettings, Instrument
from . import orders
from .coverage import feed_choices
from .overview import standings
from .trail import Trailed, without_secrets

_BREAK: Final = SafeString("<br>")


class FeedSettingsForm(forms.ModelForm):  # type: ignore[type-arg]
    feed = forms.ChoiceField(
        choices=feed_choices,
        widget=UnfoldAdminSelectWidget,
        error_messages={"unique": "This feed has settings already: change those."},
    )

    class Meta:
        model = FeedSettings
        fields = ("feed", "most_instruments", "most_quotes_per_second", "options")
        error_messages: ClassVar = {
            "options": {"invalid": 'This is not valid JSON. An object is wanted, such as {"seed": 2}.'}
        }
        help_texts: ClassVar = {"options": "What differs from the environment, as a JSON object. The environment says:"}
        widgets: ClassVar = {"options": UnfoldAdminTextareaWidget(attrs={"rows": 3})}

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        feeds = [self.instance.feed] if self.instance.feed else sorted(registry.FEEDS)
        options = self.fields["options"]
        said = [f"{feed}: {json.dumps(without_secrets(_environment(feed)), ensure_ascii=False)}" for feed in feeds]
        options.help_text = format_html_join(_BREAK, "{}", [(line,) for line in (options.help_text, *said)])

    def clean(self) -> Any:
        cleaned = super().clean() or {}
        feed, options = cleaned.get("feed"), cleaned.get("options")
        if feed and "options" not in self.errors and (problem := problem_with(feed, options)):
            self.add_error("options", problem)
        return cleaned


def problem_with(feed: str, options: Any) -> str | None:
    """Why the feed cannot be built with these over the environment's options; None where it can, or where nothing goes
    over them: what the environment says is not this form's to judge."""
    environment = _environment(feed)
    if not isinstance(options, dict):
        return "This has to be a JSON object, such as {}."
    if not options:
        return None
    unknown = sorted(set(options) - set(environment))
    if unknown:
        return f"There is no option {', '.join(unknown)[:100]}; there are {', '.join(environment)}."
    for name, value in options.items():
        wanted = _kind(environment[name])
        if _kind(value) != wanted:
            return f"{name} has to be {wanted}, such as {json.dumps(without_secrets(environment)[name])}."
    try:
        registry.build(feed, {**environment, **options})
    except FeedError as error:
        return str(error)
    except (TypeError, ValueError, OSError) as error:
        return f"The feed cannot be built so: {error}"
    return None


def _environment(feed: str) -> dict[str, Any]:
    return dict(getattr(settings, "FEEDS")[feed])  # noqa: B009


def _kind(value: Any) -> str:
    """What a value of JSON is, in words."""
    match value:
        case bool():  # before the numbers, of which it is one to Python
            return "true or false"
        case int() | float() if math.isfinite(value):
            return "a number"
        case str():
            return "text in quotes"
        case list() | tuple():
            return "a list"
    return "something else"


@admin.register(FeedSettings)
class FeedSettingsAdmin(Trailed):
    form = FeedSettingsForm
    list_display = ("feed", "most_instruments", "most_quotes_per_second", "overrides", "updated_at")

    @admin.display(description="options")
    def overrides(self, one: FeedSettings) -> str:
        return json.dumps(without_secrets(one.options), ensure_ascii=False)[1:-1]

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {"feed": standings()[0].feed, **super().get_changeform_initial_data(request)}

    def get_readonly_fields(self, request: HttpRequest, obj: FeedSettings | None = None) -> list[str]:
        return ["feed"] if obj is not None else []

    def save_model(self, request: HttpRequest, obj: FeedSettings, form: Any, change: bool) -> None:
        before = FeedSettings.objects.filter(pk=obj.pk).values_list("options", flat=True).first() or {}
        super().save_model(request, obj, form, change)
        if obj.options != before:
            orders.restart_after_commit(request, obj.feed)
        covered = Instrument.objects.filter(feed=obj.feed, active=True, covered=True).count()
        if obj.most_instruments is not None and covered > obj.most_instruments:
            messages.warning(
                request,
                f"{obj.feed} covers {covered:,} instruments now, {covered - obj.most_instruments:,} more than this "
                "maximum. None leaves by itself: narrow its coverage.",
            )

    def delete_model(self, request: HttpRequest, obj: FeedSettings) -> None:
        super().delete_model(request, obj)
        if obj.options:
            orders.restart_after_commit(request, obj.feed)

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        for one in queryset:
            self.delete_model(request, one)

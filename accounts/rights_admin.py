"""What groups may see and use, on their page of the admin; and who used which feed, read only."""

import datetime as dt
from typing import Any, ClassVar

import msgspec
from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from unfold.admin import StackedInline, TabularInline
from unfold.decorators import action
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from marketdata.admin.trail import Trailed
from marketdata.models import Instrument
from marketdata.symbols import is_symbol

from . import feed_report, feed_use, limits
from .models import FeedGrant, FeedUse, GroupLimits


def feed_choices() -> list[tuple[str, str]]:
    """Those that there are, and those that were only imported."""
    listed = Instrument.objects.order_by().values_list("feed", flat=True).distinct()
    return [(name, name) for name in sorted({*feed_report.feeds(), *listed})]


class FeedGrantForm(forms.ModelForm):  # type: ignore[type-arg]
    feed = forms.ChoiceField(choices=feed_choices, widget=UnfoldAdminSelectWidget)
    underlying = forms.CharField(
        max_length=64,
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text="A symbol: itself and all contracts on it. Empty: all of the feed.",
    )

    class Meta:
        model = FeedGrant
        fields = ("feed", "underlying")

    def clean_underlying(self) -> str:
        symbol = str(self.cleaned_data["underlying"]).strip()
        if symbol and not is_symbol(symbol):
            raise forms.ValidationError("Letters, digits, '.', '_' and '-', at most 64.")
        return symbol

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        feed, symbol = cleaned.get("feed"), cleaned.get("underlying")
        if feed and symbol:
            listed = Instrument.objects.filter(feed=feed)
            if listed.exists() and not listed.filter(underlying=symbol).exists():
                raise forms.ValidationError({"underlying": f"The feed {feed} lists nothing on {symbol}."})
        return cleaned


class GroupLimitsForm(forms.ModelForm):  # type: ignore[type-arg]
    """Shows the site's own setting where nothing is said."""

    class Meta:
        model = GroupLimits
        fields = limits.FIELDS
        labels: ClassVar = {
            "symbols": "Symbols of a connection",
            "messages_per_10_s": "Messages in 10 s",
            "fastest_interval_ms": "Fastest beat",
            "requests_per_minute": "REST requests in a minute",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, value in msgspec.structs.asdict(limits.of_site()).items():
            self.fields[name].widget.attrs["placeholder"] = f"{value:,} by the site's settings"


class FeedGrantInline(TabularInline):
    model = FeedGrant
    form = FeedGrantForm
    extra = 0
    verbose_name = "feed that members may see"
    verbose_name_plural = "feeds that members may see, beside those that are open to everybody"


class GroupLimitsInline(StackedInline):
    model = GroupLimits
    form = GroupLimitsForm
    extra = 0
    max_num = 1
    verbose_name = verbose_name_plural = (
        "limits: what is empty says nothing; of several groups the most generous counts"
    )


@admin.register(FeedUse)
class FeedUseAdmin(Trailed):
    list_display: ClassVar = ["month_text", "feed", "username", "first_at"]
    list_filter: ClassVar = ["feed", "month"]
    search_fields: ClassVar = ["username"]
    ordering: ClassVar = ["-month", "feed", "username"]
    actions_list: ClassVar = ["this_month", "last_month"]

    @admin.display(description="month", ordering="month")
    def month_text(self, use: FeedUse) -> str:
        return f"{use.month:%Y-%m}"

    @action(  # type: ignore[untyped-decorator]
        description="Report of this month, CSV", url_path="report-this-month", permissions=["view"]
    )
    def this_month(self, request: HttpRequest) -> HttpResponse:
        return _report(request, feed_use.this_month())

    @action(  # type: ignore[untyped-decorator]
        description="Report of last month, CSV", url_path="report-last-month", permissions=["view"]
    )
    def last_month(self, request: HttpRequest) -> HttpResponse:
        return _report(request, (feed_use.this_month() - dt.timedelta(days=1)).replace(day=1))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: FeedUse | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: FeedUse | None = None) -> bool:
        return False


def _report(request: HttpRequest, month: dt.date) -> HttpResponse:
    if not request.user.has_perm("accounts.view_feeduse"):
        raise PermissionDenied
    report = feed_report.lines(month, feed_report.feeds())
    name = f"feed-use-{month:%Y-%m}.csv"
    return HttpResponse(
        feed_report.as_csv(month, report),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )

"""The query parameters of the list of instruments. Each bad one is refused by its name, with what would be legal."""

import re
from typing import Any, Final

from django import forms
from django.db.models import Q, QuerySet
from django_filters.filters import CharFilter, ChoiceFilter, DateFilter, NumberFilter
from django_filters.filterset import FilterSet
from rest_framework.exceptions import ErrorDetail, ValidationError

from ..feeds.registry import FEEDS
from ..models import Instrument
from . import instrument_text
from .pages import PARAMETERS

_EXPIRY: Final = re.compile(r"(\d{4}-\d{2}-\d{2})(?:\.([A-Za-z0-9_]{1,16}))?\Z")
_DAY_ERROR: Final = {"invalid": "It takes a day as YYYY-MM-DD."}
# Far above any strike there is; also for chains.
MOST_STRIKE: Final = 10**12
_STATUSES: Final[dict[str, Q]] = {
    "listed": Q(active=True, covered=True),
    "retired": Q(active=False),
    "all": Q(),
}
_NUMBER_ERROR: Final = {"invalid": "It takes a number."}


def _choice(field: str, choices: list[tuple[str, str]], help_text: str) -> ChoiceFilter:
    legal = ", ".join(value for value, _ in choices)
    error = {"invalid_choice": f"It takes one of: {legal}."}
    return ChoiceFilter(field_name=field, choices=choices, error_messages=error, help_text=help_text)


def _day(lookup_expr: str, help_text: str) -> DateFilter:
    return DateFilter(
        field_name="expiry",
        lookup_expr=lookup_expr,
        input_formats=["%Y-%m-%d"],
        error_messages=_DAY_ERROR,
        help_text=help_text,
    )


def _strike(lookup_expr: str, help_text: str) -> NumberFilter:
    return NumberFilter(
        field_name="strike",
        lookup_expr=lookup_expr,
        min_value=0,
        max_value=MOST_STRIKE,
        error_messages=_NUMBER_ERROR,
        help_text=help_text,
    )


class InstrumentFilter(FilterSet):
    feed = CharFilter(
        field_name="feed",
        help_text=f"Only of this feed: {', '.join(sorted(FEEDS))}, or one whose history was imported.",
    )
    status = ChoiceFilter(
        method="by_status",
        choices=[(name, name) for name in _STATUSES],
        error_messages={"invalid_choice": f"It takes one of: {', '.join(_STATUSES)}."},
        help_text="`listed`, unless told: listed at its venue and covered here now. `retired`: expired, no longer listed, "
        "or imported; its history stays. `all`: every one that there ever was.",
    )
    underlying = CharFilter(field_name="underlying", help_text="Only of this underlying, by its exact symbol.")
    kind = _choice("kind", Instrument.Kind.choices, "Only of this kind.")
    expiry = CharFilter(
        method="by_expiry",
        help_text="Only of this expiry: YYYY-MM-DD, or YYYY-MM-DD.ROOT where several roots share the day.",
    )
    expiry_from = _day("gte", "Only what expires on this day or later, YYYY-MM-DD.")
    expiry_to = _day("lte", "Only what expires on this day or before, YYYY-MM-DD.")
    right = _choice("right", Instrument.Right.choices, "Only calls (C) or puts (P).")
    strike_from = _strike("gte", "Only strikes from here, in the currency.")
    strike_to = _strike("lte", "Only strikes up to here, in the currency.")
    text = CharFilter(
        method="by_text",
        max_length=instrument_text.MOST_CHARACTERS,
        help_text="Words that must all fit: parts of the symbol or underlying, a strike or its first digits, a right "
        "(C, put), an expiry (20feb, feb26, 2026-02-20). For example `ACME 515 C` or `acme 20feb 515c`.",
    )

    class Meta:
        model = Instrument
        fields: tuple[str, ...] = ()

    def checked(self) -> QuerySet[Instrument]:
        """What fits every parameter. Raises ValidationError naming the bad ones."""
        legal = [*self.filters, *PARAMETERS]
        errors: dict[str, Any] = {
            name[:100]: [ErrorDetail(f"There is no such parameter; there are: {', '.join(legal)}.", "unknown_field")]
            for name in self.data
            if name not in legal
        }
        # The forms behind it would take an empty value for none.
        errors.update(
            (name, [ErrorDetail("It is empty: leave it away, or give it a value.", "blank")])
            for name in self.filters
            if name != "text" and self.data.get(name) == ""
        )
        for name, found in self.form.errors.as_data().items():
            errors[name] = [ErrorDetail(text, one.code or "invalid") for one in found for text in one.messages]
        feed = self.data.get("feed", "")
        # Names of imported feeds are known by their instruments alone.
        if "feed" not in errors and feed and feed not in FEEDS and not Instrument.objects.filter(feed=feed).exists():
            message = f"It takes one of: {', '.join(sorted(FEEDS))}, or a feed whose history was imported."
            errors["feed"] = [ErrorDetail(message, "unknown_feed")]
        if errors:
            raise ValidationError(errors)
        queryset: QuerySet[Instrument] = self.qs
        return queryset if "status" in self.data else queryset.filter(_STATUSES["listed"])

    def get_form_class(self) -> type[forms.Form]:
        form: type[forms.Form] = super().get_form_class()  # type: ignore[no-untyped-call]
        return type("InstrumentForm", (form,), {"clean_expiry": _clean_expiry})

    def by_status(self, queryset: QuerySet[Instrument], name: str, value: str) -> QuerySet[Instrument]:
        return queryset.filter(_STATUSES[value])

    def by_expiry(self, queryset: QuerySet[Instrument], name: str, value: str) -> QuerySet[Instrument]:
        day, _, root = value.partition(".")
        return queryset.filter(Q(expiry=day), *([Q(root=root)] if root else []))

    def by_text(self, queryset: QuerySet[Instrument], name: str, value: str) -> QuerySet[Instrument]:
        return queryset.filter(instrument_text.condition(value))


def _clean_expiry(form: forms.Form) -> str:
    text: str = form.cleaned_data["expiry"]
    if text:
        match = _EXPIRY.match(text)
        try:
            forms.DateField(input_formats=["%Y-%m-%d"]).clean(match[1] if match else "")
        except forms.ValidationError as error:
            raise forms.ValidationError("It takes YYYY-MM-DD or YYYY-MM-DD.ROOT.", code="invalid") from error
    return text

"""Coverage rules in the admin. Whatever changes them shows first what that would bring, is refused beyond the limits, and
is obeyed by the running ingest as soon as it is saved.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar
from urllib.parse import urlencode

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.widgets import UnfoldAdminSelectWidget

from ..feeds import registry
from ..ingest import covering
from ..models import Coverage
from . import orders, preview, trail
from .coverage_upload import CoverageUpload
from .overview import standings
from .preview import Preview
from .trail import Trailed

# The name of the button that saves what was previewed.
CONFIRMED = "_confirmed"
_TEMPLATE = "admin/marketdata/coverage/preview.html"


def feed_choices() -> list[tuple[str, str]]:
    return [(name, name) for name in sorted(registry.FEEDS)]


class CoverageForm(forms.ModelForm):  # type: ignore[type-arg]
    feed = forms.ChoiceField(choices=feed_choices, widget=UnfoldAdminSelectWidget)

    class Meta:
        model = Coverage
        fields = ("feed", "underlying", "expiry_days", "strike_percent", "enabled", "note")

    def previews(self) -> list[Preview]:
        """What saving this valid form would do: of its feed, and of the feed that a rule is moved from."""
        rule = self.instance
        before = Coverage.objects.filter(pk=rule.pk).first() if rule.pk else None
        feeds = dict.fromkeys([rule.feed, before.feed if before is not None else rule.feed])
        found = []
        for feed in feeds:
            others = list(Coverage.objects.filter(feed=feed).exclude(pk=rule.pk))
            after = [*others, rule] if rule.feed == feed else others
            if covering.rules_from(feed, after) != covering.rules_of(feed):
                found.append(preview.of_rows(feed, after))
        return found


@admin.register(Coverage)
class CoverageAdmin(CoverageUpload, Trailed):
    form = CoverageForm
    list_display: ClassVar = ["__str__", "enabled", "note", "updated_at"]
    list_before_template = "admin/marketdata/coverage/standings.html"
    list_filter: ClassVar = ["feed", "enabled"]
    search_fields: ClassVar = ["underlying", "note"]
    list_per_page = 100
    actions: ClassVar = ["switch_on", "switch_off", "remove"]

    # ── One rule ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        """A first post shows what would come and go; the second, from there, saves. What is refused goes back to the form,
        with the reason."""
        if request.method == "POST" and self._may_save(request, object_id):
            instance = self.get_object(request, unquote(object_id)) if object_id else None
            if object_id is None or instance is not None:
                form = self.get_form(request, instance, change=instance is not None)(request.POST, instance=instance)
                previews = form.previews() if form.is_valid() else []
                problems = [problem for one in previews for problem in one.problems]
                if problems:
                    return self._refused(request, object_id, form_url, extra_context, problems)
                if previews and CONFIRMED not in request.POST:
                    back = f"{request.path}?{urlencode(_entered(form.cleaned_data))}"
                    return self._shown(request, previews, f"Save “{form.instance}”?", back)
        return super().changeform_view(request, object_id, form_url, extra_context)

    def _may_save(self, request: HttpRequest, object_id: str | None) -> bool:
        return bool(self.has_change_permission(request) if object_id else self.has_add_permission(request))

    def _refused(
        self,
        request: HttpRequest,
        object_id: str | None,
        form_url: str,
        extra_context: dict[str, Any] | None,
        problems: Sequence[str],
    ) -> Any:
        """The form again, with the problems on it."""
        request.refusals = problems  # type: ignore[attr-defined]
        return super().changeform_view(request, object_id, form_url, extra_context)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        refusals: Sequence[str] = getattr(request, "refusals", ())
        form = super().get_form(request, obj, change, **kwargs)

        # What was entered before the preview, from which somebody came back.
        entered = {name: request.GET[name] for name in CoverageForm.Meta.fields if name in request.GET}

        class Asked(form):  # type: ignore[misc, valid-type]
            def __init__(self, *arguments: Any, **more: Any) -> None:
                if entered and not arguments:
                    more["initial"] = {**(more.get("initial") or {}), **entered}
                super().__init__(*arguments, **more)

            def clean(self) -> Any:
                cleaned = super().clean()
                for refusal in refusals:
                    self.add_error(None, refusal)
                return cleaned

        return Asked if refusals or entered else form

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """A new rule is for a feed that runs, until somebody says otherwise."""
        return {"feed": standings()[0].feed, **super().get_changeform_initial_data(request)}

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        return super().changelist_view(request, {**(extra_context or {}), "standings": standings()})

    def _shown(
        self, request: HttpRequest, previews: Sequence[Preview], question: str, back: str | None = None
    ) -> HttpResponse:
        """What would come and go, with the button that does it by posting the same again, and the way `back`."""
        posted = [(name, value) for name, values in request.POST.lists() for value in values]
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": question,
            "previews": previews,
            "posted": [(name, value) for name, value in posted if name not in ("csrfmiddlewaretoken", CONFIRMED)],
            "confirmed": CONFIRMED,
            "back": back or request.get_full_path().replace("/delete/", "/change/"),
        }
        return TemplateResponse(request, _TEMPLATE, context)

    def save_model(self, request: HttpRequest, obj: Coverage, form: Any, change: bool) -> None:
        before = Coverage.objects.filter(pk=obj.pk).values_list("feed", flat=True).first() if change else None
        super().save_model(request, obj, form, change)
        for feed in dict.fromkeys(filter(None, (obj.feed, before))):
            orders.look_again_after_commit(request, feed)

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None) -> Any:
        rule = self.get_object(request, unquote(object_id))
        if rule is None or not self.has_delete_permission(request, rule):
            return super().delete_view(request, object_id, extra_context)
        return self._remove(request, Coverage.objects.filter(pk=rule.pk)) or self._to_list()

    # ── Many rules ────────────────────────────────────────────────────────────────────────────────────────────────────

    def get_actions(self, request: HttpRequest) -> Any:
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)  # `remove` shows first what it does
        return actions

    @admin.action(description="Switch on the selected rules", permissions=["change"])
    def switch_on(self, request: HttpRequest, queryset: QuerySet[Coverage]) -> HttpResponse | None:
        return self._switch(request, queryset, enabled=True)

    @admin.action(description="Switch off the selected rules", permissions=["change"])
    def switch_off(self, request: HttpRequest, queryset: QuerySet[Coverage]) -> HttpResponse | None:
        return self._switch(request, queryset, enabled=False)

    @admin.action(description="Delete the selected rules", permissions=["delete"])
    def remove(self, request: HttpRequest, queryset: QuerySet[Coverage]) -> HttpResponse | None:
        return self._remove(request, queryset)

    def _switch(self, request: HttpRequest, queryset: QuerySet[Coverage], enabled: bool) -> HttpResponse | None:
        chosen = list(queryset.exclude(enabled=enabled))
        if not chosen:
            messages.info(request, f"The selected rules are switched {'on' if enabled else 'off'} already.")
            return None

        def after(feed: str) -> Iterable[Coverage]:
            for rule in Coverage.objects.filter(feed=feed):
                rule.enabled = enabled if rule in chosen else rule.enabled
                yield rule

        def do() -> None:
            for rule in chosen:
                rule.enabled = enabled
            Coverage.objects.bulk_update(chosen, ["enabled"], batch_size=500)
            said = trail.difference({"enabled": not enabled}, {"enabled": enabled})
            trail.enter(_user(request), [(rule, CHANGE, said) for rule in chosen])

        word = "on" if enabled else "off"
        return self._shown_first(request, chosen, after, do, f"Switch {word} {_rules(len(chosen))}?")

    def _remove(self, request: HttpRequest, queryset: QuerySet[Coverage]) -> HttpResponse | None:
        chosen = list(queryset)
        if not self.has_delete_permission(request):
            raise PermissionDenied

        def after(feed: str) -> Iterable[Coverage]:
            return [rule for rule in Coverage.objects.filter(feed=feed) if rule not in chosen]

        def do() -> None:
            self.log_deletions(request, chosen)
            Coverage.objects.filter(pk__in=[rule.pk for rule in chosen]).delete()

        return self._shown_first(request, chosen, after, do, f"Delete {_rules(len(chosen))}?")

    def _shown_first(
        self,
        request: HttpRequest,
        chosen: Sequence[Coverage],
        after: Callable[[str], Iterable[Coverage]],
        do: Callable[[], None],
        question: str,
    ) -> HttpResponse | None:
        """The preview of what `do` does to the `chosen`, or once that is confirmed does it. None is back to the list."""
        feeds = sorted({rule.feed for rule in chosen})
        previews = [preview.of_rows(feed, after(feed)) for feed in feeds]
        problems = [problem for one in previews for problem in one.problems]
        for problem in problems:
            messages.error(request, problem)
        if problems:
            return None
        if CONFIRMED not in request.POST:
            return self._shown(request, previews, question)
        with transaction.atomic():
            do()
            for feed in feeds:
                orders.look_again_after_commit(request, feed)
        messages.success(request, f"Done, for {_rules(len(chosen))}.")
        return None

    def _to_list(self) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:marketdata_coverage_changelist"))


def _rules(count: int) -> str:
    return f"{count:,} rule{'' if count == 1 else 's'}"


def _entered(cleaned: Mapping[str, Any]) -> dict[str, str]:
    """The values of a valid form, as a query string gives them back to its fields."""
    return {name: "" if value in (None, False) else str(value) for name, value in cleaned.items()}


def _user(request: HttpRequest) -> int:
    assert request.user.pk is not None
    return int(request.user.pk)

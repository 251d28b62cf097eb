"""The trail of changes: who changed what, from what to what. Every admin of ours writes it; nobody edits it."""

import copy
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, Final

from django.contrib import admin
from django.contrib.admin.models import ADDITION, CHANGE, DELETION, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import Manager, Model, QuerySet
from django.forms import BaseForm
from django.http import HttpRequest
from unfold.admin import ModelAdmin

BATCH: Final = 500
# A value of a text field that is longer is cut in the trail.
LONGEST: Final = 200
NOTHING: Final = "nothing"
_SECRET: Final = frozenset({"password", "secret", "token", "key"})


def is_secret(name: str) -> bool:
    """Whether what is called so is shown to nobody."""
    return any(word in name.lower() for word in _SECRET)


def without_secrets(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options with dots for what nobody is to read."""
    return {name: "…" if is_secret(name) and value else value for name, value in options.items()}


def written(value: Any) -> str:
    """A value as the trail shows it."""
    if value is None or value == "":
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, Manager):
        value = value.all()
    if isinstance(value, Mapping):
        value = without_secrets(value)
    if isinstance(value, list | tuple | set | QuerySet):
        return ", ".join(sorted(map(written, value))) or NOTHING
    text = str(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """`name: old → new` of what differs; names in the order of `after`."""
    return "; ".join(
        f"{name}: {written(before.get(name))} → {written(value)}"
        for name, value in after.items()
        if written(before.get(name)) != written(value)
    )


def listed(values: Mapping[str, Any]) -> str:
    """`name: value` of what there is."""
    return "; ".join(f"{name}: {written(value)}" for name, value in values.items() if written(value) != NOTHING)


def values_of(instance: Model, names: Iterable[str] | None = None) -> dict[str, Any]:
    """An instance's own fields by their names for people, without what the database fills in."""
    fields = {field.name: field for field in instance._meta.concrete_fields}
    chosen = names if names is not None else [n for n, f in fields.items() if f.editable and not f.primary_key]
    return {str(fields[name].verbose_name): getattr(instance, name) for name in chosen}


def enter(user_id: int, changes: Iterable[tuple[Model, int, str]], named: Callable[[Any], str] = str) -> list[LogEntry]:
    """An entry for each (object, ADDITION, CHANGE or DELETION, message), all of one model; `named` is how it is called."""
    changes = list(changes)
    if not changes:
        return []
    content_type = ContentType.objects.get_for_model(changes[0][0])
    return LogEntry.objects.bulk_create(
        [
            LogEntry(
                user_id=user_id,
                content_type=content_type,
                object_id=None if instance.pk is None else str(instance.pk),
                object_repr=named(instance)[:LONGEST],
                action_flag=flag,
                change_message=message,
            )
            for instance, flag, message in changes
        ],
        batch_size=BATCH,
    )


class Trailed(ModelAdmin):
    """An admin whose every change enters the trail with what it was and what it is."""

    def construct_change_message(self, request: HttpRequest, form: BaseForm, formsets: Any, add: bool = False) -> Any:
        message = _of_form(form, add)
        related = [line for formset in formsets or () for line in _of_formset(formset)]
        return "; ".join(filter(None, [message, *related])) or "nothing changed"

    def log_addition(self, request: HttpRequest, obj: Model, message: Any) -> LogEntry:
        return enter(_user(request), [(obj, ADDITION, str(message))])[0]

    def log_change(self, request: HttpRequest, obj: Model, message: Any) -> LogEntry:
        return enter(_user(request), [(obj, CHANGE, str(message))])[0]

    def log_deletions(self, request: HttpRequest, queryset: Iterable[Model]) -> list[LogEntry]:
        return enter(_user(request), [(one, DELETION, f"was {listed(values_of(one))}") for one in queryset])


def called(singular: str, plural: str, response: Any) -> Any:
    """A list's page under these names, in place of those that a library gives its model."""
    context = getattr(response, "context_data", None) or {}
    if "cl" in context:
        named = copy.copy(context["cl"].opts)
        named.verbose_name, named.verbose_name_plural = singular, plural
        context["opts"] = context["cl"].opts = named
        context["title"] = plural[:1].upper() + plural[1:]
    return response


@admin.register(LogEntry)
class TrailAdmin(ModelAdmin):
    """Read only, for everybody."""

    list_display: ClassVar = ["when", "who", "action", "kind", "thing", "what"]
    list_filter = [
        "action_flag",
        ("content_type", admin.RelatedOnlyFieldListFilter),
        ("user", admin.RelatedOnlyFieldListFilter),
    ]
    search_fields = ["object_repr", "change_message", "user__username"]
    list_select_related = ["user", "content_type"]
    date_hierarchy = "action_time"
    list_per_page = 50
    _actions: ClassVar = {ADDITION: "added", CHANGE: "changed", DELETION: "deleted"}

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Under the name that the menu gives it; Django calls a change a log entry."""
        return called("change", "changes", super().changelist_view(request, extra_context))

    @admin.display(description="when", ordering="action_time")
    def when(self, entry: LogEntry) -> str:
        return f"{entry.action_time:%Y-%m-%d %H:%M:%S} UTC"

    @admin.display(description="who", ordering="user")
    def who(self, entry: LogEntry) -> str:
        return str(entry.user)

    @admin.display(description="object", ordering="object_repr")
    def thing(self, entry: LogEntry) -> str:
        return entry.object_repr

    @admin.display(description="kind", ordering="content_type")
    def kind(self, entry: LogEntry) -> str:
        return "" if entry.content_type is None else entry.content_type.name

    @admin.display(description="what, from → to")
    def what(self, entry: LogEntry) -> str:
        return entry.get_change_message()

    @admin.display(description="did", ordering="action_flag")
    def action(self, entry: LogEntry) -> str:
        return str(self._actions.get(entry.action_flag, entry.action_flag))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: LogEntry | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: LogEntry | None = None) -> bool:
        return False


def _user(request: HttpRequest) -> int:
    assert request.user.pk is not None
    return int(request.user.pk)


def _of_form(form: BaseForm, add: bool) -> str:
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    secrets = []
    for name in form.fields if add else form.changed_data:
        field = form.fields.get(name)
        if "password" in name:
            secrets = ["password set"]
        elif field is not None and name in form.cleaned_data:
            label = str(field.label or name).lower()
            before[label] = None if add else _as_cleaned(form, name)
            after[label] = form.cleaned_data[name]
    return "; ".join(filter(None, [difference(before, after), *secrets]))


def _as_cleaned(form: BaseForm, name: str) -> Any:
    """The value before, as the field gives it: a form's initial value of a relation is a key, or a list of them."""
    initial = form.get_initial_for_field(form.fields[name], name)
    queryset = getattr(form.fields[name], "queryset", None)
    if queryset is None or initial is None:
        return initial
    if isinstance(initial, list | tuple):
        return queryset.model._default_manager.filter(pk__in=[getattr(one, "pk", one) for one in initial])
    return queryset.model._default_manager.filter(pk=initial).first()


def _of_formset(formset: Any) -> list[str]:
    lines = [f"{_named(one)} added" for one in formset.new_objects]
    lines += [f"{_named(one)} changed ({', '.join(names)})" for one, names in formset.changed_objects]
    return lines + [f"{_named(one)} deleted" for one in formset.deleted_objects]


def _named(instance: Model) -> str:
    return f"{instance._meta.verbose_name} {written(instance)}"

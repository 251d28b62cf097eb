"""A row of the coverage file: what each column may hold, and how. Text that a spreadsheet would take for a formula is
escaped on the way out and refused on the way in.
"""

import math
from collections.abc import Iterable
from functools import cached_property
from typing import Any, ClassVar, Final

from django.core.exceptions import ValidationError
from import_export import fields, resources, widgets
from import_export.instance_loaders import BaseInstanceLoader
from import_export.results import Error, Result, RowResult

from ..feeds import registry
from ..models import Coverage, Instrument
from ..symbols import is_symbol
from . import preview, trail

COLUMNS: Final = ("id", "feed", "underlying", "expiry_days", "strike_percent", "enabled", "note")
MOST_ROWS: Final = 100_000
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
_YES: Final = frozenset({"", "yes", "true", "1"})
_NO: Final = frozenset({"no", "false", "0"})


class Text(widgets.Widget):
    """Text of one line. An apostrophe before what looks like a formula is ours, and taken off again."""

    def __init__(self, longest: int) -> None:
        super().__init__()
        self._longest = longest

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> str:
        text = "" if value is None else str(value).strip()
        if text.startswith("'") and text[1:].startswith(_FORMULA):
            text = text[1:]
        elif text.startswith(_FORMULA):
            raise ValueError(f"“{text[:40]}” looks like a formula: text may not begin with = + - or @")
        if len(text) > self._longest:
            raise ValueError(f"has {len(text)} characters; at most {self._longest}")
        if not text.isprintable():
            raise ValueError("has a line break or another character that cannot be shown")
        return text

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        text = str(value)
        return f"'{text}" if text.startswith(_FORMULA) else text


class Whole(widgets.Widget):
    """A whole number, or nothing."""

    def __init__(self, least: int, most: int | None = None) -> None:
        super().__init__()
        self._least, self._most = least, most

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> int | None:
        text = "" if value is None else str(value).strip()
        if not text:
            return None
        if not (text.isascii() and text.isdecimal() and len(text) < 19):
            raise ValueError(f"“{text[:40]}” is no whole number")
        number = int(text)
        if number < self._least or (self._most is not None and number > self._most):
            raise ValueError(f"{number} is not from {self._least:,} to {self._most:,}")
        return number

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        return "" if value is None else str(value)


class Percent(widgets.Widget):
    """A number from 0 up, or nothing."""

    MOST: Final = 10_000

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> float | None:
        text = "" if value is None else str(value).strip()
        if not text:
            return None
        try:
            number = float(text)
        except ValueError as error:
            raise ValueError(f"“{text[:40]}” is no number") from error
        if not math.isfinite(number) or not 0 <= number <= self.MOST:
            raise ValueError(f"{text[:40]} is not from 0 to {self.MOST:,}")
        return number

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        return "" if value is None else repr(value)


class YesNo(widgets.Widget):
    """`yes` or `no`; nothing is yes."""

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> bool:
        text = "" if value is None else str(value).strip().lower()
        if text in _YES:
            return True
        if text in _NO:
            return False
        raise ValueError(f"“{text[:40]}” is neither yes nor no")

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        return "yes" if value else "no"


_ID: Final = Whole(1, 2**62)


class RulesById(BaseInstanceLoader):
    """The rules that a file names, in one reading. An id that is none is told of with its row, and here passed over."""

    def __init__(self, resource: Any, dataset: Any = None) -> None:
        super().__init__(resource, dataset)
        self._rules = Coverage.objects.in_bulk() if any(dataset["id"] if len(dataset) else ()) else {}

    def get_instance(self, row: Any) -> Coverage | None:
        try:
            rule_id = _ID.clean(row.get("id"))
        except ValueError:
            return None
        return None if rule_id is None else self._rules.get(rule_id)


class CoverageResource(resources.ModelResource):
    """Rows with an id change that rule, rows without make one. A file is taken whole or not at all."""

    id = fields.Field("id", "id", _ID)
    feed = fields.Field("feed", "feed", Text(32))
    underlying = fields.Field("underlying", "underlying", Text(64))
    expiry_days = fields.Field("expiry_days", "expiry_days", Whole(0, 3660))
    strike_percent = fields.Field("strike_percent", "strike_percent", Percent())
    enabled = fields.Field("enabled", "enabled", YesNo())
    note = fields.Field("note", "note", Text(200))

    class Meta:
        model = Coverage
        fields: ClassVar = COLUMNS
        export_order: ClassVar = COLUMNS
        instance_loader_class = RulesById
        use_bulk = True
        use_transactions = True
        batch_size = 500
        skip_unchanged = True
        skip_html_diff = True
        skip_diff = True
        store_instance = True
        clean_model_instances = False  # each would ask the database; `import_instance` checks the same

    def before_import(self, dataset: Any, **kwargs: Any) -> None:
        headers = [str(header).strip().lower() for header in dataset.headers or ()]
        problem = _problem_with(headers, len(dataset))
        if problem is not None:
            # The rows are read all the same otherwise, and each would be found wrong.
            dataset.wipe()
            dataset.headers = COLUMNS
            raise ValidationError(problem)
        dataset.headers = headers
        if "id" not in headers:
            dataset.append_col([""] * len(dataset), header="id")
        self._seen: set[int] = set()

    @cached_property
    def _listed(self) -> dict[str, set[str]]:
        """The underlyings that each feed has listed."""
        listed: dict[str, set[str]] = {}
        pairs: Iterable[tuple[str, str]] = Instrument.objects.values_list("feed", "underlying").distinct().order_by()
        for feed, underlying in pairs:
            listed.setdefault(feed, set()).add(underlying)
        return listed

    def after_init_instance(self, instance: Coverage, new: bool, row: Any, **kwargs: Any) -> None:
        self._before = {} if new else trail.values_of(instance)

    def import_instance(self, instance: Coverage, row: Any, **kwargs: Any) -> None:
        errors: dict[str, Any] = {}
        rule_id = instance.pk
        try:
            super().import_instance(instance, row, **kwargs)
        except ValidationError as error:
            errors.update(error.update_error_dict(errors))
        if "id" not in errors and instance.pk is not None:
            if instance.pk != rule_id:
                errors["id"] = f"There is no rule {instance.pk}; leave it empty to make one."
            elif instance.pk in self._seen:
                errors["id"] = f"The file names rule {instance.pk} twice."
            self._seen.add(instance.pk)
        if "feed" not in errors and instance.feed not in registry.FEEDS:
            errors["feed"] = f"There is no feed “{instance.feed}”; there are {', '.join(sorted(registry.FEEDS))}."
        if "underlying" not in errors and instance.underlying:
            listed = self._listed.get(instance.feed)
            if not is_symbol(instance.underlying):
                errors["underlying"] = "Letters, digits, '.', '_' and '-', at most 64."
            elif listed and instance.underlying not in listed:
                errors["underlying"] = f"The feed {instance.feed} lists nothing on {instance.underlying}."
        if errors:
            raise ValidationError(errors)

    def skip_row(self, instance: Coverage, original: Coverage, row: Any, import_validation_errors: Any = None) -> bool:
        return not import_validation_errors and bool(self._before) and trail.values_of(instance) == self._before

    def after_import_row(self, row: Any, row_result: RowResult, **kwargs: Any) -> None:
        row_result.before = self._before

    def after_import(self, dataset: Any, result: Result, **kwargs: Any) -> None:
        """What the file would bring, all of it in: refused beyond a limit."""
        if result.has_errors() or result.has_validation_errors():
            return
        feeds = {row.instance.feed for row in result.rows if row.import_type != RowResult.IMPORT_TYPE_SKIP}
        result.previews = [preview.of_rows(feed, Coverage.objects.filter(feed=feed)) for feed in sorted(feeds)]
        for problem in [problem for one in result.previews for problem in one.problems]:
            result.append_base_error(Error(ValidationError(problem)))
        super().after_import(dataset, result, **kwargs)


def _problem_with(headers: list[str], rows: int) -> str | None:
    """Why a file is not read at all."""
    if len(headers) == 1 and (";" in headers[0] or "\t" in headers[0]):
        return "The columns are not separated by commas. Save the file as “CSV UTF-8”, separated by commas."
    unknown = [repr(header[:40]) for header in headers if header not in COLUMNS]
    if unknown:
        return f"The first line names {', '.join(unknown[:5])}; the columns are {', '.join(COLUMNS)}."
    if "feed" not in headers:
        return f"The first line has to name the column feed; the columns are {', '.join(COLUMNS)}."
    if len(set(headers)) < len(headers):
        return "The first line names a column twice."
    if rows > MOST_ROWS:
        return f"The file has {rows:,} rows; at most {MOST_ROWS:,} are read at once."
    return None

"""Coverage rules as a CSV file, out of the admin and back in: first a dry run, which names each bad row and column, and
shows what the file would bring. `coverage_file` reads and writes the rows.
"""

from typing import Any, ClassVar, Final

from django.contrib import messages
from django.contrib.admin.models import ADDITION, CHANGE
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponseRedirect
from django.urls import reverse
from import_export.admin import ExportMixin, ImportMixin
from import_export.formats.base_formats import CSV
from import_export.results import Result, RowResult
from import_export.tmp_storages import CacheStorage
from unfold.contrib.import_export.forms import ExportForm, ImportForm

from . import orders, trail
from .coverage_file import COLUMNS, CoverageResource

MOST_BYTES: Final = 16 * 1024 * 1024
# Rows and errors that a page shows: one of fifty thousand would be of no use to anybody.
SHOWN: Final = 200


class CoverageImportForm(ImportForm):
    def clean_import_file(self) -> Any:
        file = self.cleaned_data["import_file"]
        if file.size > MOST_BYTES:
            raise ValidationError(f"The file has {file.size:,} bytes; at most {MOST_BYTES:,} are read.")
        data: bytes = file.read()
        file.seek(0)
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            raise ValidationError(
                f"The file is not UTF-8: byte 0x{data[error.start]:02x} in line {line} cannot be read. Save it as "
                "“CSV UTF-8” and upload it again."
            ) from error
        if "\0" in text:
            line = text.count("\n", 0, text.index("\0")) + 1
            raise ValidationError(f"The file is no text: line {line} has a zero byte. Save it as “CSV UTF-8”.")
        return file


class CoverageUpload(ImportMixin, ExportMixin):
    resource_classes: ClassVar = [CoverageResource]
    formats: ClassVar = [CSV]
    import_form_class = CoverageImportForm
    export_form_class = ExportForm
    skip_export_form = True  # one format, all columns: there is nothing to ask
    import_template_name = "admin/marketdata/coverage/import.html"
    import_export_change_list_template = "admin/import_export/change_list_import_export.html"

    def has_import_permission(self, request: HttpRequest) -> bool:
        return bool(self.has_add_permission(request) and self.has_change_permission(request))

    def has_export_permission(self, request: HttpRequest) -> bool:
        return bool(self.has_view_permission(request))

    def import_action(self, request: HttpRequest, **kwargs: Any) -> Any:
        response = super().import_action(request, **kwargs)
        context = response.context_data
        context["columns"] = COLUMNS
        context["title"] = "Import coverage rules"
        result: Result | None = context.get("result")
        if result is not None:
            context["previews"] = getattr(result, "previews", ())
            context["row_errors"] = _row_errors(result)[:SHOWN]
            context["row_error_count"] = len(_row_errors(result))
            context["rows"] = [row for row in result.rows if row.import_type in _FLAGS][:SHOWN]
            context["shown"] = SHOWN
        return response

    def process_import(self, request: HttpRequest, **kwargs: Any) -> Any:
        name = request.POST.get("import_file_name", "")
        if self.has_import_permission(request) and CacheStorage(name=name).read() is None:
            messages.error(request, "The uploaded file is not kept any more: upload it again.")
            return HttpResponseRedirect(reverse("admin:marketdata_coverage_import"))
        return super().process_import(request, **kwargs)

    def process_dataset(self, dataset: Any, form: Any, request: HttpRequest, **kwargs: Any) -> Any:
        return super().process_dataset(dataset, form, request, rollback_on_validation_errors=True, **kwargs)

    def process_result(self, result: Result, request: HttpRequest) -> Any:
        if result.has_errors() or result.has_validation_errors():
            for text in _refusals(result)[:SHOWN]:
                messages.error(request, text)
            return HttpResponseRedirect(reverse("admin:marketdata_coverage_import"))
        feeds = {row.instance.feed for row in result.rows if row.import_type in _FLAGS}
        for feed in sorted(feeds):
            orders.look_again_after_commit(request, feed)
        return super().process_result(result, request)

    def generate_log_entries(self, result: Result, request: HttpRequest) -> None:
        assert request.user.pk is not None
        trail.enter(
            int(request.user.pk),
            [
                (
                    row.instance,
                    _FLAGS[row.import_type],
                    "by upload: " + trail.difference(getattr(row, "before", {}), trail.values_of(row.instance)),
                )
                for row in result.rows
                if row.import_type in _FLAGS
            ],
        )


_FLAGS: Final = {RowResult.IMPORT_TYPE_NEW: ADDITION, RowResult.IMPORT_TYPE_UPDATE: CHANGE}


def _refusals(result: Result) -> list[str]:
    """Why what the dry run found good is not taken now: another administrator was there in between."""
    told = [str(getattr(error.error, "message", error.error)) for error in result.base_errors]
    return told + [f"Row {row}, {column}: {message}" for row, column, message in _row_errors(result)]


def _row_errors(result: Result) -> list[tuple[int, str, str]]:
    """(row, column, what is wrong), by row: the header is row 1, as a spreadsheet counts."""
    found = [
        (row.number + 1, name if name != "__all__" else "", str(message))
        for row in result.invalid_rows
        for name, texts in row.error_dict.items()
        for message in texts
    ]
    found += [(number + 1, "", str(error.error)) for number, errors in result.row_errors() for error in errors]
    return sorted(found)

"""Numbers as a person reads them, in the admin's templates."""

from django import template

register = template.Library()


@register.filter
def grouped(value: float | None) -> str:
    """`12345.6` as `12,345.6`; nothing is a dash."""
    if value is None:
        return "–"
    return f"{value:,}" if isinstance(value, int) or value != int(value) else f"{int(value):,}"

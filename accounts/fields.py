"""What forms share: the focus where something is wrong; and of the account's, fields without placeholders, which are no
labels, and bounds of what is typed."""

from typing import Any, Final

from django import forms
from django.core.validators import MaxLengthValidator
from django.forms.boundfield import BoundField
from django.forms.renderers import DjangoTemplates

# Argon2 takes any length; a megabyte of password is nobody's.
MOST_PASSWORD: Final = 1024
MOST_NAME: Final = 254  # of an email address
MOST_CODE: Final = 32


class FocusedField(BoundField):
    """The first field that something is wrong with has the focus: a page that comes back would else be read from its top,
    and what is wrong is tied to the field."""

    def build_widget_attrs(self, attrs: dict[str, Any], widget: Any = None) -> dict[str, Any]:
        attrs = super().build_widget_attrs(attrs, widget)
        wrong = next((name for name in self.form.fields if name in self.form.errors), None)
        return {**attrs, "autofocus": True} if wrong == self.name else attrs


class Renderer(DjangoTemplates):
    bound_field_class = FocusedField


class Plain(forms.Form):
    """A form whose fields have labels instead of placeholders, and a longest text each."""

    labels: dict[str, str] = {}
    most: dict[str, int] = {}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            field.widget.attrs.pop("placeholder", None)
            if name in self.labels:
                field.label = self.labels[name]
            most = self.most.get(name, MOST_PASSWORD if "password" in name else 0)
            if most and isinstance(field, forms.CharField):
                field.max_length = most
                field.validators.append(MaxLengthValidator(most))

"""What the account's forms share: fields without placeholders, which are no labels, and bounds of what is typed."""

from typing import Any, Final

from django import forms
from django.core.validators import MaxLengthValidator

# Argon2 takes any length; a megabyte of password is nobody's.
MOST_PASSWORD: Final = 1024
MOST_NAME: Final = 254  # of an email address
MOST_CODE: Final = 32


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

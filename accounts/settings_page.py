"""The page on which users set their time zone and how pages look. The desk changes the same by REST."""

from typing import Any, Final

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from . import look, preferences
from .models import User
from .watchlists import RefusedError

_WORDS: Final = {
    "theme": {"system": "As the system has it", "light": "Light", "dark": "Dark"},
    "colours": {"teal": "Teal and orange", "green": "Green and red"},
    "times": {"own": "In my time zone", "exchange": "In the exchange's", "utc": "In UTC"},
    "density": {"normal": "Of the usual height", "dense": "Lower, so that more have room"},
}


class SettingsForm(forms.Form):
    time_zone = forms.ChoiceField(label="Time zone", required=False)
    theme = forms.ChoiceField(choices=list(_WORDS["theme"].items()))
    colours = forms.ChoiceField(label="Colours of up and down", choices=list(_WORDS["colours"].items()))
    times = forms.ChoiceField(label="Times on the desk", choices=list(_WORDS["times"].items()))
    density = forms.ChoiceField(label="Rows on the desk", choices=list(_WORDS["density"].items()))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        zones = [(name, name.replace("_", " ")) for name in sorted(preferences.time_zones())]
        self.fields["time_zone"].choices = [("", "The browser's own"), *zones]  # type: ignore[attr-defined]


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def settings_page(request: HttpRequest) -> HttpResponse:
    user = request.user
    assert isinstance(user, User)
    if request.method != "POST":
        return _page(request, SettingsForm(initial={"time_zone": user.time_zone, **preferences.display_of(user)}))
    form = SettingsForm(request.POST)
    if not form.is_valid():
        return _page(request, form)
    chosen = {name: form.cleaned_data[name] for name in preferences.CHOICES}
    try:
        preferences.change(user, form.cleaned_data["time_zone"], chosen)
    except RefusedError as error:
        for one in error.problems:
            form.add_error(one.field.removeprefix("display."), one.message)
        return _page(request, form)
    messages.info(request, "Saved.")
    response = HttpResponseRedirect(request.path)
    look.remember_theme(request, response, chosen["theme"])
    return response


def _page(request: HttpRequest, form: SettingsForm) -> HttpResponse:
    return render(request, "accounts/settings.html", {"form": form})

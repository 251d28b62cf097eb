"""How a page looks from its first byte: by the account of who is signed in, else by what this browser was last told."""

from typing import Final

from django.http import HttpRequest, HttpResponse

from . import preferences
from .models import User

COOKIE: Final = "theme"
_YEAR_S: Final = 31_536_000
# What a page's first byte depends on; the choices that hold by default are not written.
_DRAWN: Final = ("theme", "colours", "density")


def of_account(user: User) -> dict[str, str]:
    """`data-` attributes of the page's root, by name, without those that hold by default."""
    display = preferences.display_of(user)
    return {name: display[name] for name in _DRAWN if display[name] in preferences.CHOICES[name][1:]}


def of_browser(request: HttpRequest | None) -> dict[str, str]:
    """The same for who is not known, which a page of errors does not ask; it may not even have a request."""
    theme = request.COOKIES.get(COOKIE) if request is not None else None
    return {COOKIE: theme} if theme in preferences.CHOICES["theme"][1:] else {}


def remember_theme(request: HttpRequest, response: HttpResponse, theme: str) -> None:
    """In a cookie, by which pages are drawn right before anybody is signed in; the desk's `display.ts` writes the same
    one."""
    if request.COOKIES.get(COOKIE, "system") == theme:
        return
    if theme == "system":
        response.delete_cookie(COOKIE, samesite="Lax")
    else:
        response.set_cookie(COOKIE, theme, max_age=_YEAR_S, samesite="Lax", secure=request.is_secure())

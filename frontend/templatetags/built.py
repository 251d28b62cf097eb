"""Tags that put the built files of the front end into a page, and how it looks onto its root."""

from typing import Any

from django import template
from django.templatetags.static import static
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from accounts import look as looks

from ..vite_manifest import NotBuiltError, built

register = template.Library()


@register.simple_tag
def built_files(entry: str) -> SafeString:
    """Links to the styles and scripts of an entry. Raises NotBuiltError."""
    files = built(entry)
    return format_html(
        "{}\n{}",
        format_html_join("\n", '<link rel="stylesheet" href="{}">', ((static(name),) for name in files.styles)),
        format_html_join("\n", '<script type="module" src="{}"></script>', ((static(name),) for name in files.scripts)),
    )


@register.simple_tag
def page_styles() -> SafeString:
    """The styles of pages without a script; nothing while the front end is not built, since these pages also tell of
    errors and have to stand by themselves."""
    try:
        return built_files("src/styles/pages.css")
    except NotBuiltError:
        return SafeString("")


@register.simple_tag
def page_script(entry: str) -> SafeString:
    """The same for a script that such a page can do without."""
    try:
        return built_files(entry)
    except NotBuiltError:
        return SafeString("")


@register.simple_tag(takes_context=True)
def look(context: dict[str, Any]) -> SafeString:
    """The attributes of the page's root, where nobody has to be signed in."""
    return _attributes(looks.of_browser(context.get("request")))


@register.simple_tag(takes_context=True)
def own_look(context: dict[str, Any]) -> SafeString:
    """The same by the settings of who is signed in."""
    return _attributes(looks.of_account(context["request"].user))


def _attributes(values: dict[str, str]) -> SafeString:
    return format_html_join("", ' data-{}="{}"', values.items())

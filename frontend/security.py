"""The content security policy: what a page of ours may load, and where it may connect."""

from functools import cache

from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.deprecation import MiddlewareMixin

HEADER = "Content-Security-Policy"


class ContentSecurityPolicyMiddleware(MiddlewareMixin):
    """Gives every answer the policy, save those whose view set one of its own."""

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        if HEADER not in response:
            response[HEADER] = policy(request)
        return response


@cache
def _admin() -> str:
    return reverse("admin:index")


def policy(request: HttpRequest) -> str:
    """Everything from our own origin and nothing inline. The socket's origin is named besides 'self', which older
    browsers do not take for ws: and wss:.

    The admin's pages, which only administrators see, get what their look cannot do without: styles inline, and scripts that
    make functions of attributes. Scripts inline or from elsewhere are refused there too."""
    try:
        socket = f" {'wss' if request.is_secure() else 'ws'}://{request.get_host()}"
    except DisallowedHost:  # the answer is a 400 already, and names no host that we do not know
        socket = ""
    scripts, styles = (" 'unsafe-eval'", " 'unsafe-inline'") if request.path.startswith(_admin()) else ("", "")
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src 'self'{scripts}",
            f"style-src 'self'{styles}",
            "img-src 'self' data:",
            "font-src 'self'",
            f"connect-src 'self'{socket}",
            "form-action 'self'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
        )
    )

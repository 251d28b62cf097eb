"""What browsers are told of every answer beside what Django's own middleware tells: what a page of ours may load, where it
may connect, and which of the machine's senses it wants.
"""

from functools import cache

from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.deprecation import MiddlewareMixin

HEADER = "Content-Security-Policy"
PERMISSIONS = "Permissions-Policy"
# Passkeys and a copy button; nothing here looks, listens, or wants to know where one is.
_OWN = ("publickey-credentials-create", "publickey-credentials-get", "clipboard-write", "fullscreen")
_NONE = (
    "accelerometer",
    "autoplay",
    "browsing-topics",
    "camera",
    "display-capture",
    "encrypted-media",
    "geolocation",
    "gyroscope",
    "hid",
    "magnetometer",
    "microphone",
    "midi",
    "payment",
    "serial",
    "usb",
    "xr-spatial-tracking",
)
_PERMISSIONS = ", ".join([*(f"{name}=(self)" for name in _OWN), *(f"{name}=()" for name in _NONE)])


class ContentSecurityPolicyMiddleware(MiddlewareMixin):
    """Gives every answer the policy, save those whose view set one of its own."""

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        if HEADER not in response:
            response[HEADER] = policy(request)
        return response


class PermissionsPolicyMiddleware(MiddlewareMixin):
    """Gives every answer the policy of what its page may use of the browser."""

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        response.setdefault(PERMISSIONS, _PERMISSIONS)
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

"""The page itself. Everything on it that changes comes by the stream and by REST."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_safe

from .vite_manifest import NotBuiltError, built


@require_safe
@never_cache
@login_required
@ensure_csrf_cookie
def desk(request: HttpRequest) -> HttpResponse:
    """The signed-in user's watchlists. 503 with what to do where the front end is not built."""
    try:
        built("src/main.tsx")
    except NotBuiltError as error:
        return HttpResponse(f"{error}\n", status=503, content_type="text/plain; charset=utf-8")
    return render(request, "frontend/app.html")

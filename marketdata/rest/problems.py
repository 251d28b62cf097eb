"""RFC 9457 problem details: the one shape of every REST error, whether a view, REST framework or Django refused."""

import logging
import sys
from http import HTTPStatus
from typing import Any, Final

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.template.loader import render_to_string
from django.views import defaults
from redis.exceptions import RedisError
from rest_framework import exceptions
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response
from rest_framework.views import set_rollback

from accounts.tickets import TicketsUnavailableError
from accounts.watchlists import ConflictError, GoneError, RefusedError, StaleError
from project.server_down import RETRY_AFTER_S, is_database_down, is_down

from ..first_line import first_line

logger = logging.getLogger(__name__)

CONTENT_TYPE: Final = "application/problem+json"
INVALID: Final = "urn:strikewire:problem:invalid"
_ABSENT: Final = "There is no such thing here, or it is not yours."


class Unavailable(exceptions.APIException):
    status_code = HTTPStatus.SERVICE_UNAVAILABLE
    default_detail = "Redis does not answer, and this needs it. Try again in a few seconds."
    default_code = "unavailable"
    wait = RETRY_AFTER_S


class DatabaseDown(Unavailable):
    default_detail = "The database does not answer, or cannot write now, and this needs it. Try again in a few seconds."


class Absent(exceptions.ValidationError):
    """What the path names is not there, or not the user's: nobody can tell which."""

    status_code = HTTPStatus.NOT_FOUND


class Conflict(exceptions.ValidationError):
    """What was asked for does not go with how things are now."""

    status_code = HTTPStatus.CONFLICT


class Stale(exceptions.ValidationError):
    """Things have changed since the client saw them, as it says by If-Match."""

    status_code = HTTPStatus.PRECONDITION_FAILED


def problem(status: int, detail: str, errors: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    """The body: `errors` names each field that was wrong, with a code and a sentence; a null field is the whole body."""
    return {
        "type": INVALID if errors else "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": int(status),
        "detail": detail,
        "errors": errors or [],
    }


def handler(exc: Exception, context: dict[str, Any]) -> Response | None:
    """REST framework asks this for the answer to `exc`. None is for Django, which logs it and asks `server_error`."""
    error = _as_api_exception(exc)
    if error is None:
        return None
    if isinstance(error, exceptions.ValidationError):
        errors = _flat(error.get_full_details())
        detail = "; ".join(
            f"{one['field']}: {one['message']}" if one["field"] else one["message"] for one in errors[:5]
        )
        body = problem(error.status_code, detail, errors)
    else:
        body = problem(error.status_code, f"{error.detail}{_instead(error, context['view'])}")
    headers = {}
    if challenge := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    if wait := getattr(error, "wait", None):
        headers["Retry-After"] = str(max(1, round(wait)))
    set_rollback()
    # Whatever the view renders otherwise, a problem is JSON.
    context["request"].accepted_renderer = JSONRenderer()
    context["request"].accepted_media_type = CONTENT_TYPE
    return Response(body, status=error.status_code, headers=headers, content_type=CONTENT_TYPE)


def _instead(error: exceptions.APIException, view: Any) -> str:
    """What would do, where REST framework says only what does not."""
    match error:
        case exceptions.MethodNotAllowed():
            legal = [method for method in view.allowed_methods if method != "OPTIONS"]
        case exceptions.UnsupportedMediaType():
            legal = [parser.media_type for parser in view.parser_classes]
        case exceptions.NotAcceptable() if error.detail == exceptions.NotAcceptable.default_detail:
            legal = [renderer.media_type for renderer in view.renderer_classes]
        case _:
            return ""
    return f" There is: {', '.join(legal)}."


def _as_api_exception(exc: Exception) -> exceptions.APIException | None:
    match exc:
        case exceptions.APIException():
            return exc
        case Http404():
            return exceptions.NotFound(_ABSENT)
        case GoneError():
            return Absent({exc.field or "non_field_errors": [exceptions.ErrorDetail(_ABSENT, "not_found")]})
        case StaleError():
            said = f"It has version {exc.version} now: fetch it again, and then edit it."
            return Stale({"If-Match": [exceptions.ErrorDetail(said, "stale")]})
        case PermissionDenied():
            return exceptions.PermissionDenied()
        case RefusedError():
            details: dict[str, list[exceptions.ErrorDetail]] = {}
            for one in exc.problems:
                details.setdefault(one.field, []).append(exceptions.ErrorDetail(one.message, one.code))
            return Conflict(details) if isinstance(exc, ConflictError) else exceptions.ValidationError(details)
        case RedisError() | TicketsUnavailableError():
            return Unavailable()
        case _ if is_database_down(exc):  # a line in the log, where each request would leave a traceback
            logger.error("the database failed: %s", first_line(exc))
            return DatabaseDown()
    return None


def _flat(details: Any, field: str | None = None) -> list[dict[str, Any]]:
    """REST framework's nested details as a list; a place in a list or a nested object is written with dots."""
    if isinstance(details, dict) and set(details) == {"message", "code"} and not isinstance(details["message"], list):
        return [{"field": field, "code": str(details["code"]), "message": str(details["message"])}]
    if isinstance(details, list):
        return [one for part in details for one in _flat(part, field)]
    flat = []
    for key, value in details.items():
        name = field if key == "non_field_errors" else f"{field}.{key}" if field else str(key)
        flat += _flat(value, name)
    return flat


def not_found(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    if _is_api(request):
        return _response(HTTPStatus.NOT_FOUND, "There is no such address.")
    return defaults.page_not_found(request, exception)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    if _is_api(request):
        return _response(HTTPStatus.FORBIDDEN, "This is not allowed.")
    return defaults.permission_denied(request, exception)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    if _is_api(request):
        return _response(HTTPStatus.BAD_REQUEST, "The request cannot be read.")
    return defaults.bad_request(request, exception)


def server_error(request: HttpRequest) -> HttpResponseBase:
    """Called while the error is being handled."""
    error = sys.exc_info()[1]
    if is_down(error):
        return _down(request, DatabaseDown if is_database_down(error) else Unavailable)
    if _is_api(request):
        return _response(HTTPStatus.INTERNAL_SERVER_ERROR, "Something failed here; it was logged.")
    return defaults.server_error(request)


def _down(request: HttpRequest, what: type[Unavailable]) -> HttpResponse:
    if _is_api(request):
        response = _response(HTTPStatus.SERVICE_UNAVAILABLE, what.default_detail)
    else:
        response = HttpResponse(render_to_string("503.html"), status=HTTPStatus.SERVICE_UNAVAILABLE)
    response.headers["Retry-After"] = str(RETRY_AFTER_S)
    return response


def _is_api(request: HttpRequest) -> bool:
    return request.path.startswith("/api/")


def _response(status: HTTPStatus, detail: str) -> HttpResponse:
    return JsonResponse(problem(status, detail), status=status, content_type=CONTENT_TYPE)

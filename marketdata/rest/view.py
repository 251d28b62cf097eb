"""What every view of the API has in common: unknown query parameters are refused by name, and each answer says how many
requests the user has left.
"""

from typing import Any, ClassVar

from rest_framework.exceptions import APIException, ErrorDetail, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.models import READ

from . import throttle


class View(APIView):
    """`query` names the parameters of GET; other methods have none. None: the view checks them itself.
    `tagged` says that GET answers by `etag.answered`. `read_scope` and `write_scope` are what a token needs to ask and to
    change; None: no token may, only a session."""

    query: ClassVar[tuple[str, ...] | None] = ()
    tagged: ClassVar[bool] = False
    read_scope: ClassVar[str | None] = READ
    write_scope: ClassVar[str | None] = None
    _no_such_format: APIException | None = None

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        """The framework asks for the format before it asks who that is. Here a format that is not to be had is refused
        afterwards: such a request is counted like others, and a stranger hears that he has to sign in."""
        try:
            return super().perform_content_negotiation(request, force)
        except APIException as error:
            self._no_such_format = error
            return super().perform_content_negotiation(request, force=True)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if self._no_such_format is not None:
            raise self._no_such_format
        if self.query is not None:
            refuse_unknown(request, self.query if request.method in ("GET", "HEAD") else ())

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Response:
        final: Response = super().finalize_response(request, response, *args, **kwargs)
        for name, value in throttle.headers(request).items():
            final.headers[name] = value
        return final


def refuse_unknown(request: Request, legal: tuple[str, ...]) -> None:
    """Raises ValidationError naming each parameter that is not legal, or that stands there twice: a typing error must not
    pass for an answer, nor the last of two contradictions for what was asked."""
    there_are = f"there are: {', '.join(legal)}" if legal else "this takes none"
    errors: dict[str, Any] = {}
    for name, values in list(request.query_params.lists())[:20]:
        if name not in legal:
            errors[name[:100]] = [ErrorDetail(f"There is no such parameter; {there_are}.", "unknown_field")]
        elif len(values) > 1:
            errors[name] = [ErrorDetail("It may be given once.", "repeated")]
    if errors:
        raise ValidationError(errors)

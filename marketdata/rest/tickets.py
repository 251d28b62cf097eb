"""Stream tickets: what a program shows once to open a socket."""

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import identity, tickets
from accounts.models import READ, ApiToken

from .throttle import UserThrottle
from .view import View


class TicketThrottle(UserThrottle):
    """A socket needs one; a page full of them a few."""

    scope = "tickets"

    def limit(self, request: Request) -> int:
        return 60


class NoBodyParser(BaseParser):
    """Whatever comes along, even a form's encoding, is no reason to refuse a ticket."""

    media_type = "*/*"

    def parse(self, *args: object, **kwargs: object) -> dict[str, object]:
        return {}


class TicketSerializer(serializers.Serializer[tickets.Ticket]):
    ticket = serializers.CharField(help_text="Good once: send it as `auth`, the first message of the socket.")
    expires_in_s = serializers.IntegerField(help_text="Seconds until it is worth nothing.")


class TicketsView(View):
    parser_classes = [NoBodyParser]
    throttle_classes = [UserThrottle, TicketThrottle]
    write_scope = READ  # a socket reads

    @extend_schema(operation_id="create_stream_ticket", request=None, responses={201: TicketSerializer})
    def post(self, request: Request) -> Response:
        """A ticket for `/ws/api/stream/`. No body is read. The ticket dies with the session or token that it was
        made from."""
        user = request.user
        assert user.is_authenticated  # the permission class saw to it
        if isinstance(request.auth, ApiToken):
            ticket = tickets.issue(identity.of_token(request.auth))
        else:
            session_key = request.session.session_key or ""
            ticket = tickets.issue(identity.of_session(user, session_key), session_key)
        return Response(TicketSerializer(ticket).data, status=201, headers={"Cache-Control": "no-store"})

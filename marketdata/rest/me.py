"""Who is asking."""

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User

from .view import View


class MeSerializer(serializers.Serializer[User]):
    username = serializers.CharField(help_text="The name that the user signs in with.")
    is_staff = serializers.BooleanField(help_text="Whether the user may enter the admin.")


class MeView(View):
    @extend_schema(operation_id="get_me", responses=MeSerializer)
    def get(self, request: Request) -> Response:
        """The user whom the session or token belongs to."""
        assert request.user.is_authenticated  # the permission class saw to it
        return Response(MeSerializer(request.user).data)

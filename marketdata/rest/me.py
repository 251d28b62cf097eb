"""Who is asking, and what they have set for themselves."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import preferences
from accounts.models import User

from .strict import StrictSerializer
from .view import View

_TIME_ZONE = "Name in the IANA time zone database, such as Europe/Zurich; empty for the browser's own."
_LAYOUT = (
    f"The page's own: an object of at most {preferences.LAYOUT_BYTES:,} bytes as JSON, nested at most "
    f"{preferences.LAYOUT_DEPTH} deep. Its values are kept as they are."
)
_LAYOUT_CHANGE = (
    f"{_LAYOUT} What is sent is merged into it, each of its names by itself, so that what two browsers set stays; null "
    "takes a name away, and null for the whole all of them."
)
_THEME = "Light or dark, or as the system has it."
_COLOURS = "Of what rises: teal, which few eyes take for red, or green."
_TIMES = "Whether times are told in one's own zone, the exchange's, or UTC."
_DENSITY = "How high rows are."


class DisplaySerializer(serializers.Serializer[Any]):
    theme = serializers.ChoiceField(preferences.CHOICES["theme"], help_text=_THEME)
    colours = serializers.ChoiceField(preferences.CHOICES["colours"], help_text=_COLOURS)
    times = serializers.ChoiceField(preferences.CHOICES["times"], help_text=_TIMES)
    density = serializers.ChoiceField(preferences.CHOICES["density"], help_text=_DENSITY)
    layout = serializers.DictField(help_text=_LAYOUT)


class MeSerializer(serializers.Serializer[User]):
    username = serializers.CharField(help_text="The name that the user signs in with.")
    email = serializers.CharField(help_text="The user's address; empty where none is known.")
    is_staff = serializers.BooleanField(help_text="Whether the user may enter the admin.")
    time_zone = serializers.CharField(help_text=_TIME_ZONE)
    display = DisplaySerializer(source="*", help_text="How the page looks.")

    def to_representation(self, instance: User) -> dict[str, Any]:
        values: dict[str, Any] = {
            name: getattr(instance, name) for name in ("username", "email", "is_staff", "time_zone")
        }
        return {**values, "display": preferences.display_of(instance)}


class DisplayChangeSerializer(StrictSerializer):
    theme = serializers.ChoiceField(preferences.CHOICES["theme"], required=False, help_text=_THEME)
    colours = serializers.ChoiceField(preferences.CHOICES["colours"], required=False, help_text=_COLOURS)
    times = serializers.ChoiceField(preferences.CHOICES["times"], required=False, help_text=_TIMES)
    density = serializers.ChoiceField(preferences.CHOICES["density"], required=False, help_text=_DENSITY)
    layout = serializers.DictField(required=False, allow_null=True, help_text=_LAYOUT_CHANGE)


class MeChangeSerializer(StrictSerializer):
    time_zone = serializers.CharField(max_length=64, allow_blank=True, required=False, help_text=_TIME_ZONE)
    display = DisplayChangeSerializer(required=False, help_text="How the page looks; what is not named stays as it is.")


class MeView(View):
    @extend_schema(operation_id="get_me", responses=MeSerializer)
    def get(self, request: Request) -> Response:
        """The user whom the session or token belongs to, and their settings."""
        assert request.user.is_authenticated  # the permission class saw to it
        return Response(MeSerializer(request.user).data)

    @extend_schema(operation_id="change_me", request=MeChangeSerializer, responses=MeSerializer)
    def patch(self, request: Request) -> Response:
        """Changes the settings that are named. Name, address and rights are not among them."""
        assert request.user.is_authenticated
        asked = MeChangeSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        return Response(MeSerializer(preferences.change(request.user, **asked.validated_data)).data)

"""Every address under /api/ that is none: a problem as any other error is, and not a page."""

from django.urls import Resolver404, resolve
from rest_framework.exceptions import NotFound
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView


class UnknownView(APIView):
    authentication_classes = []
    permission_classes = [AllowAny]
    schema = None

    def initial(self, request: Request, *args: object, **kwargs: object) -> None:
        path = request.path_info
        if not path.endswith("/"):
            try:
                if getattr(resolve(f"{path}/").func, "cls", None) is not UnknownView:
                    raise NotFound(f"There is no such address; there is {path}/.")
            except Resolver404:
                pass
        raise NotFound("There is no such address.")

    def get(self, request: Request, *args: object, **kwargs: object) -> Response:
        raise NotImplementedError  # `initial` has refused, whatever the method

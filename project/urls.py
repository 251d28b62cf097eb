"""Every HTTP route. Sockets are routed in `asgi.py`."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("", include("frontend.urls")),
    path("accounts/", include("allauth.urls")),
    path("admin/", admin.site.urls),
    path("api/", include("marketdata.rest.urls")),
]

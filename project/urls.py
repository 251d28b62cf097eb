"""Every HTTP route. Sockets are routed in `asgi.py`."""

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.urls import include, path

from accounts import second_factor
from marketdata.admin import connections, feed_page

admin.autodiscover()
# The admin's own form counts no attempts: who is not signed in goes through the site's.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]
second_factor.protect(admin.site)

urlpatterns = [
    path("", include("frontend.urls")),
    path("accounts/", include("accounts.urls")),
    path("admin/feeds/", include(feed_page.urls)),
    path("admin/connections/", include(connections.urls)),
    path("admin/", admin.site.urls),
    path("api/", include("marketdata.rest.urls")),
]

handler400 = "marketdata.rest.problems.bad_request"
handler403 = "marketdata.rest.problems.permission_denied"
handler404 = "marketdata.rest.problems.not_found"
handler500 = "marketdata.rest.problems.server_error"

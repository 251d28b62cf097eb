"""The pages."""

from django.templatetags.static import static
from django.urls import URLPattern, URLResolver, path
from django.views.generic import RedirectView

from . import views

app_name = "frontend"
urlpatterns: list[URLPattern | URLResolver] = [
    path("", views.desk, name="desk"),
    path("first-list/", views.give_first_list, name="first_list"),
    # Browsers ask for it unbidden where a page names none, such as the readable schema.
    path("favicon.ico", RedirectView.as_view(url=static("frontend/favicon.svg"), permanent=True)),
]

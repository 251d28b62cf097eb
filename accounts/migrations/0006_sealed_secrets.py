"""Seals what earlier versions stored of second factors as it was. There is no way back: those could not read it."""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from accounts import sealing


def seal(apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
    sealing.seal_anew(apps.get_model("mfa", "Authenticator").objects.using(editor.connection.alias))


class Migration(migrations.Migration):
    dependencies = [("accounts", "0005_has_begun"), ("mfa", "0003_authenticator_type_uniq")]
    operations = [migrations.RunPython(seal)]

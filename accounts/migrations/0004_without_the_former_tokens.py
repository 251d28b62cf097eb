"""Drops the table that knox's own migrations make for the model in whose place ApiToken stands. Nothing knows it, and so a
user that it names could not be deleted, nor users' tables be emptied.
"""

from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0003_watchlists_that_roll'),
        ('knox', '0009_extend_authtoken_field'),
    ]

    operations = [
        migrations.RunSQL('DROP TABLE IF EXISTS knox_authtoken', migrations.RunSQL.noop),
    ]

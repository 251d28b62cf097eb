from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0004_without_the_former_tokens'),
    ]

    operations = [
        migrations.AddField(
            model_name='user',
            name='has_begun',
            field=models.BooleanField(default=False, editable=False),
        ),
    ]

import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    """When the videos last changed: by this, clients learn that a list is the same as before."""

    dependencies = [("videos", "0008_indexes_of_chores")]

    operations = [
        migrations.AddField(
            model_name="videototal",
            name="changed_at",
            field=models.DateTimeField(
                default=django.utils.timezone.now,
                help_text="Differs after each change, by a second or more, even if the clock does not.",
            ),
        ),
    ]

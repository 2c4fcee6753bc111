from datetime import UTC, datetime, timedelta

from django.db import migrations, models
from django.db.models import F, Q

FIRST_VIDEO = datetime(2005, 4, 23, tzinfo=UTC)


def ask_again(apps, schema_editor):
    """Let the chore that completes videos ask for what was not stored, or stored although it cannot be true."""
    Video, Match = apps.get_model("videos", "Video"), apps.get_model("videos", "Match")
    Video.objects.filter(live_state="completed").update(completed_at=None)
    impossible = Q(published_at__lt=FIRST_VIDEO) | Q(published_at__gt=F("created_at") + timedelta(days=1))
    for pk, created_at in list(Video.objects.filter(impossible).values_list("pk", "created_at")):
        Match.objects.filter(video=pk).update(published_at=created_at)
        Video.objects.filter(pk=pk).update(published_at=created_at, published_exact=False, completed_at=None)


class Migration(migrations.Migration):
    dependencies = [("videos", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="video",
            name="starts_at",
            field=models.DateTimeField(
                help_text="When a premiere or stream started, or is planned to start; null: neither, or unknown.",
                null=True,
            ),
        ),
        migrations.AlterField(
            model_name="video",
            name="live_state",
            field=models.CharField(
                choices=[
                    ("none", "none"),
                    ("upcoming", "upcoming"),
                    ("live", "live"),
                    ("completed", "premiered or streamed"),
                ],
                default="none",
                max_length=10,
            ),
        ),
        migrations.AlterField(
            model_name="video",
            name="published_exact",
            field=models.BooleanField(default=True, help_text="False: the date is an estimate."),
        ),
        migrations.RunPython(ask_again, migrations.RunPython.noop),
    ]

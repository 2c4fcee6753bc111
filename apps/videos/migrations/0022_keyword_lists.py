from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models import F, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce


def copy_last(apps: Apps, schema_editor: BaseDatabaseSchemaEditor | None) -> None:
    """Copy how each keyword's last fetch ended, and when its last video was found; two lookups of an index each."""
    keyword, log, match = (apps.get_model("videos", name) for name in ("KeyWordEntry", "VideoLog", "Match"))
    ended = Q(status__in=["done", "failed", "interrupted"]) | Q(status="waiting", waiting_until__isnull=False)
    logs = log.objects.filter(ended, keyword=OuterRef("pk")).order_by("-created_at", "-id")
    matches = match.objects.filter(keyword=OuterRef("pk")).order_by("-created_at")
    keyword.objects.order_by().update(
        last_status=Coalesce(Subquery(logs.values("status")[:1]), F("last_status")),
        last_found_at=Subquery(matches.values("created_at")[:1]),
    )


class Migration(migrations.Migration):
    """What the list of keywords is filtered and sorted by, and until when a deleted keyword can be restored."""

    dependencies = [("videos", "0021_summary_of_logs_and_missed_videos")]

    operations = [
        migrations.AddField(
            "KeyWordEntry",
            "last_status",
            models.CharField(
                blank=True,
                choices=[
                    ("running", "running"),
                    ("done", "done"),
                    ("failed", "failed"),
                    ("waiting", "waiting"),
                    ("interrupted", "interrupted"),
                ],
                default="",
                editable=False,
                help_text="How the last fetch ended, or that it waits for searches. Empty: none has ended yet.",
                max_length=12,
            ),
        ),
        migrations.AddField(
            "KeyWordEntry",
            "last_found_at",
            models.DateTimeField(
                editable=False, help_text="When the last video was found that it had not found before.", null=True
            ),
        ),
        migrations.AddField(
            "KeyWordEntry",
            "erase_after",
            models.DateTimeField(
                editable=False, help_text="Of a deleted keyword: until then it can be restored.", null=True
            ),
        ),
        migrations.RunPython(copy_last, migrations.RunPython.noop, elidable=True),
        migrations.AddIndex(
            "KeyWordEntry", models.Index(fields=["state", "last_status"], name="keyword_status")
        ),
    ]

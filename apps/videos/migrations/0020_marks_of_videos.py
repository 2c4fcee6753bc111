import django.db.models.functions.text
from django.db import migrations, models

from apps.videos.migrations._columns import AddConstantColumn

# In descending order PostgreSQL puts unknown values first, unless the index says otherwise. SQLite has them last.
DESCENDING = {
    "video_most_viewed": "view_count",
    "video_longest": "duration",
}


def replace_descending(apps, schema_editor, columns="video_id DESC, hidden_at"):
    if schema_editor.connection.vendor == "postgresql":
        for name, field in DESCENDING.items():
            schema_editor.execute(f"DROP INDEX {name}")
            schema_editor.execute(f"CREATE INDEX {name} ON videos_video ({field} DESC NULLS LAST, {columns})")


def restore_descending(apps, schema_editor):
    replace_descending(apps, schema_editor, columns="video_id DESC")


def analyze(apps, schema_editor):
    """Let PostgreSQL know that hardly any video is hidden: of a column without statistics it expects the contrary."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("ANALYZE videos_video, videos_match")


# What Video's indexes begin with; each gets the column that says whether a video is hidden.
NEWEST_FIRST = ["-published_at", "-video_id"]
WALKED = {
    "video_newest": [*NEWEST_FIRST, "created_at"],
    "video_channel": ["channel_id", *NEWEST_FIRST],
    "video_live": ["live_state", *NEWEST_FIRST],
    "video_method": ["method", *NEWEST_FIRST],
    "video_exact": ["published_exact", *NEWEST_FIRST],
    "video_found": ["created_at", "video_id"],
    "video_views": ["view_count", "video_id"],
    "video_duration": ["duration", "video_id"],
}


def replaced(name, index):
    return [
        migrations.RemoveIndex(model_name="video", name=name),
        migrations.AddIndex(model_name="video", index=index),
    ]


class Migration(migrations.Migration):
    """Videos can be marked as seen, starred and hidden; the indexes that pages walk know which are hidden."""

    dependencies = [("videos", "0019_saved_views")]

    operations = [
        *(
            migrations.AddField(model_name="video", name=name, field=models.DateTimeField(help_text=text, null=True))
            for name, text in {
                "seen_at": "When it was marked as seen.",
                "starred_at": "When it was starred.",
                "hidden_at": "When it was hidden: lists leave it out.",
            }.items()
        ),
        AddConstantColumn(
            model_name="match",
            name="hidden",
            field=models.BooleanField(
                db_default=False,
                default=False,
                help_text="Whether the keyword's list leaves it out: the video is hidden, or a rule hides it here.",
            ),
        ),
        migrations.AddField(
            model_name="keywordentry",
            name="hidden_count",
            field=models.PositiveIntegerField(default=0, editable=False, help_text="How many of these are hidden."),
        ),
        migrations.AddField(
            model_name="videototal",
            name="hidden_count",
            field=models.PositiveBigIntegerField(default=0, help_text="How many of these are hidden."),
        ),
        *(
            operation
            for name, fields in WALKED.items()
            for operation in replaced(name, models.Index(fields=[*fields, "hidden_at"], name=name))
        ),
        *replaced(
            "video_channel_name",
            models.Index(
                django.db.models.functions.text.Upper("channel_title"),
                models.F("published_at").desc(),
                models.F("video_id").desc(),
                models.F("hidden_at"),
                name="video_channel_name",
            ),
        ),
        migrations.RunPython(replace_descending, restore_descending),
        migrations.RemoveIndex(model_name="match", name="match_newest"),
        migrations.AddIndex(
            model_name="match",
            index=models.Index(fields=["keyword", "-published_at", "-video", "hidden"], name="match_newest"),
        ),
        migrations.AddIndex(
            model_name="match",
            index=models.Index(
                condition=models.Q(("hidden", True)), fields=["keyword", "-published_at", "-video", "hidden"], name="match_hidden"
            ),
        ),
        migrations.AddIndex(
            model_name="video",
            index=models.Index(
                condition=models.Q(("hidden_at", None), ("seen_at", None)), fields=[*NEWEST_FIRST, "seen_at", "hidden_at"], name="video_unseen"
            ),
        ),
        migrations.AddIndex(
            model_name="video",
            index=models.Index(
                condition=models.Q(("starred_at__isnull", False)),
                fields=[*NEWEST_FIRST, "starred_at", "hidden_at"],
                name="video_starred",
            ),
        ),
        migrations.AddIndex(
            model_name="video",
            index=models.Index(
                condition=models.Q(("hidden_at__isnull", False)), fields=[*NEWEST_FIRST, "hidden_at"], name="video_hidden"
            ),
        ),
        migrations.RunPython(analyze, migrations.RunPython.noop),
    ]

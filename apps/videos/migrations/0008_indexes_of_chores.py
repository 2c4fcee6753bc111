from django.db import migrations, models


class Migration(migrations.Migration):
    """Replace partial indexes, which SQLite did not use. With a million videos it takes some seconds."""

    dependencies = [("videos", "0007_same_letters")]

    operations = [
        migrations.RemoveIndex("keywordentry", "keyword_due"),
        migrations.RemoveIndex("video", "video_running"),
        migrations.RemoveIndex("videolog", "log_open"),
        migrations.AddIndex("keywordentry", models.Index(fields=["state", "next_due_at"], name="keyword_due")),
        migrations.AddIndex("video", models.Index(fields=["live_state", "completed_at"], name="video_running")),
        migrations.AddIndex("videolog", models.Index(fields=["status", "created_at"], name="log_open")),
        migrations.AddIndex(
            "videolog", models.Index(fields=["keyword", "status", "created_at"], name="log_open_of_keyword")
        ),
    ]

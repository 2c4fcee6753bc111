from django.db import migrations, models
from django.utils import timezone


def try_again(apps, schema_editor):
    """Search again for keywords that a single refusal had marked refused, also where YouTube was at fault."""
    KeyWordEntry = apps.get_model("videos", "KeyWordEntry")
    KeyWordEntry.objects.exclude(bad_query="").update(bad_query="", next_due_at=timezone.now())


class Migration(migrations.Migration):
    dependencies = [("videos", "0002_stream_starts")]

    operations = [
        migrations.AddField(
            model_name="keywordentry",
            name="refused_since",
            field=models.DateTimeField(
                editable=False, help_text="Since when YouTube has refused each search for this keyword.", null=True
            ),
        ),
        migrations.AlterField(
            model_name="keywordentry",
            name="bad_query",
            field=models.CharField(
                blank=True,
                default="",
                editable=False,
                help_text="Why YouTube does not accept this keyword. It is tried again once a day.",
                max_length=300,
            ),
        ),
        migrations.RunPython(try_again, migrations.RunPython.noop),
    ]

from django.db import migrations, models


def forget(apps, schema_editor):
    """Where keywords stand follows other rules now. A chore finds it out again, in chunks; until then it is unknown.

    Of a million matches it takes three seconds on SQLite, less than comparing which ones would change.
    """
    apps.get_model("videos", "Match").objects.exclude(matched_in=None).update(matched_in=None)


class Migration(migrations.Migration):

    dependencies = [
        ('videos', '0024_shared_searches'),
    ]

    operations = [
        # Both leave rows as they are: a null column is added to none of them, and choices are not in the database.
        migrations.AddField(
            model_name='video',
            name='tags',
            field=models.JSONField(help_text="A list of texts. Null: unknown, as YouTube's search returns none.", null=True),
        ),
        migrations.AlterField(
            model_name='match',
            name='matched_in',
            field=models.CharField(choices=[('title', 'title'), ('description', 'description'), ('channel', 'channel'), ('tags', 'a tag'), ('several', 'title and channel'), ('nowhere', 'nowhere')], help_text='Where all words of the keyword stand. Null: unknown yet.', max_length=12, null=True),
        ),
        migrations.RunPython(forget, migrations.RunPython.noop, elidable=True),
    ]

from importlib import import_module

from django.db import migrations

# Does it by the rules of today, and is safe to run twice.
normalize_again = import_module("apps.videos.migrations.0004_same_words").normalize_again


class Migration(migrations.Migration):
    """Store the normalized forms in which radicals and letter forms make no difference between keywords."""

    dependencies = [("videos", "0006_plainer_help")]

    operations = [migrations.RunPython(normalize_again, migrations.RunPython.noop)]

from importlib import import_module

from django.db import migrations

# Does it by the rules of today, and is safe to run twice.
normalize_again = import_module("apps.videos.migrations.0004_same_words").normalize_again


class Migration(migrations.Migration):
    """Store the normalized forms in which what stands for a hyphen or apostrophe makes no difference between keywords,
    nor do lengthened Arabic letters and Romanian cedillas."""

    dependencies = [("videos", "0028_incomplete_by_method")]

    operations = [migrations.RunPython(normalize_again, migrations.RunPython.noop)]

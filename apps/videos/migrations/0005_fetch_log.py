from django.db import migrations, models


class Migration(migrations.Migration):
    """Words only: the tables stay as they are."""

    dependencies = [("videos", "0004_same_words")]

    operations = [
        migrations.AlterModelOptions("videolog", {"verbose_name": "fetch", "verbose_name_plural": "fetch log"}),
        migrations.AlterField(
            model_name="videolog",
            name="error_code",
            field=models.CharField(
                blank=True, help_text="A stable identifier; empty if there was no error.", max_length=30
            ),
        ),
    ]

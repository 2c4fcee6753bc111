from django.db import migrations, models


class Migration(migrations.Migration):
    """Words only: the tables stay as they are."""

    dependencies = [("quota", "0001_initial")]

    operations = [
        migrations.AlterField(
            model_name="quotaspend",
            name="refused_at",
            field=models.DateTimeField(
                blank=True, help_text="When YouTube reported the limit reached, regardless of the count.", null=True
            ),
        ),
    ]

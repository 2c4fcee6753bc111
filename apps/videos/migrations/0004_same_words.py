from django.db import migrations, models

from apps.videos import keywords


def normalize_again(apps, schema_editor):
    """Store the spellings and normalized forms by which keywords are told apart now.

    Keywords that were two and are one word now are both kept. The later one's form gets invisible characters at its
    end, which a typed keyword never has: it is not found by its word, but listed, searched and deleted as before.
    """
    KeyWordEntry = apps.get_model("videos", "KeyWordEntry")
    entries = list(KeyWordEntry.objects.exclude(state="deleting").order_by("created_at", "pk"))
    taken, changed = set(), []
    for entry in entries:
        keyword = keywords.strip_invisible(entry.keyword) or entry.keyword
        normalized = form = keywords.normalize(keyword)
        number = 0
        while form in taken:
            number += 1
            form = normalized[: keywords.MAX_LENGTH - number] + "\u200b" * number
        taken.add(form)
        if (keyword, form) != (entry.keyword, entry.normalized):
            changed.append((entry.pk, keyword, form))
    # First to forms that none has, because the new form of one may be the old form of another.
    for pk, _, _ in changed:
        KeyWordEntry.objects.filter(pk=pk).update(normalized=f"\u200b{pk}")
    for pk, keyword, form in changed:
        KeyWordEntry.objects.filter(pk=pk).update(keyword=keyword, normalized=form)


class Migration(migrations.Migration):
    dependencies = [("videos", "0003_refused_since")]

    operations = [
        migrations.AlterField(
            model_name="keywordentry",
            name="keyword",
            field=models.CharField(help_text="As typed, without invisible characters.", max_length=500),
        ),
        migrations.RunPython(normalize_again, migrations.RunPython.noop),
    ]

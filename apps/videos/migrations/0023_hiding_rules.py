import django.db.models.deletion
from django.db import migrations, models

from apps.videos.migrations._columns import AddConstantColumn


class Migration(migrations.Migration):

    dependencies = [
        ('videos', '0022_keyword_lists'),
    ]

    operations = [
        migrations.CreateModel(
            name='HidingRule',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('channel', 'this channel'), ('word', 'with this word or phrase'), ('min_duration', 'shorter than')], max_length=12)),
                ('value', models.CharField(help_text="The channel's id, the words, or the seconds.", max_length=500)),
                ('label', models.CharField(blank=True, help_text="The channel's title when the rule was added; empty for other kinds.", max_length=200)),
                ('created_at', models.DateTimeField()),
                ('applied_at', models.DateTimeField(help_text='When it was applied to all videos; null: not yet.', null=True)),
                ('applied_through_date', models.DateTimeField(null=True)),
                ('applied_through_video', models.CharField(blank=True, max_length=16)),
                ('deleted_at', models.DateTimeField(null=True)),
            ],
            options={
                'ordering': ['pk'],
            },
        ),
        migrations.RemoveIndex(
            model_name='match',
            name='match_newest',
        ),
        migrations.AddField(
            model_name='match',
            name='matched_in',
            field=models.CharField(choices=[('title', 'title'), ('description', 'description'), ('channel', 'channel'), ('several', 'several of these'), ('nowhere', 'nowhere')], help_text='Where all words of the keyword stand. Null: unknown yet.', max_length=12, null=True),
        ),
        AddConstantColumn(
            model_name='video',
            name='hidden_by_rules',
            field=models.BooleanField(db_default=False, default=False, help_text='It is hidden because rules hide it for each keyword that found it.'),
        ),
        migrations.AddField(
            model_name='hidingrule',
            name='keyword',
            field=models.ForeignKey(help_text='Null: for all keywords.', null=True, on_delete=django.db.models.deletion.CASCADE, related_name='hiding_rules', to='videos.keywordentry'),
        ),
        migrations.AddField(
            model_name='match',
            name='hidden_by',
            field=models.ForeignKey(db_index=False, help_text='A rule that hides it.', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='matches', to='videos.hidingrule'),
        ),
        migrations.AddIndex(
            model_name='match',
            index=models.Index(fields=['keyword', '-published_at', '-video', 'hidden', 'matched_in'], name='match_newest'),
        ),
        migrations.AddIndex(
            model_name='match',
            index=models.Index(condition=models.Q(('hidden_by__isnull', False)), fields=['hidden_by'], name='match_hidden_by'),
        ),
        migrations.AddIndex(
            model_name='match',
            index=models.Index(condition=models.Q(('matched_in', None)), fields=['id'], name='match_unattributed'),
        ),
    ]

from hashlib import sha512

from django.db import migrations

TABLE = "authtoken_token"


def hash_earlier_tokens(apps, schema_editor):
    """Keep the tokens of REST framework, which were stored in plain text, as hashed ones; drop their table."""
    connection = schema_editor.connection
    if TABLE not in connection.introspection.table_names():
        return
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT key, user_id FROM {TABLE}")
        tokens = [
            apps.get_model("videos", "ApiToken")(
                digest=sha512(key.encode()).hexdigest(),
                token_key=key[:15],
                user_id=user,
                name="earlier token",
                access="write",
            )
            for key, user in cursor.fetchall()
        ]
        apps.get_model("videos", "ApiToken").objects.bulk_create(tokens)
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA secure_delete = ON")  # else the file would still contain them
        cursor.execute(f"DROP TABLE {TABLE}")


class Migration(migrations.Migration):

    dependencies = [
        ('videos', '0016_api_tokens'),
    ]

    operations = [
        migrations.RunPython(hash_earlier_tokens, migrations.RunPython.noop),
    ]

"""Add a column to a big table."""

from django.db import migrations


class AddConstantColumn(migrations.AddField):
    """Add a column whose default is a constant. Django would copy the whole table on SQLite, which needs not."""

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        if schema_editor.connection.vendor != "sqlite":
            return super().database_forwards(app_label, schema_editor, from_state, to_state)
        model = to_state.apps.get_model(app_label, self.model_name)
        field = model._meta.get_field(self.name)
        definition = f"{field.db_type(schema_editor.connection)} NOT NULL DEFAULT {int(field.db_default)}"
        schema_editor.execute(f"ALTER TABLE {model._meta.db_table} ADD COLUMN {field.column} {definition}")

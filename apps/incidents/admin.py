from django.contrib import admin
from django.http import HttpRequest

from apps.incidents.models import Incident


class ReadOnlyAdmin(admin.ModelAdmin):
    """Rows that only Windhover itself writes."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


@admin.register(Incident)
class IncidentAdmin(ReadOnlyAdmin):
    list_display = ["kind", "message", "opened_at", "until", "closed_at", "opened_notified_at", "closed_notified_at"]
    list_filter = ["kind"]

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from apps.quota import ledger
from apps.quota.models import ApiKey, QuotaSpend, Trouble


class ReadOnlyAdmin(admin.ModelAdmin):
    """Rows that only Windhover itself writes: people look at them."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnlyAdmin):
    list_display = ["label", "project", "fingerprint", "state", "resting_until", "reason", "changed_at"]
    list_filter = ["state", "project"]
    actions = ["use_again"]

    @admin.action(description="Use selected keys again")
    def use_again(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        count = ledger.reactivate(*queryset)
        self.message_user(request, f"{count} key(s) will be tried again.")


@admin.register(QuotaSpend)
class QuotaSpendAdmin(ReadOnlyAdmin):
    list_display = ["day", "project", "bucket", "spent", "refused_at"]
    list_filter = ["bucket", "project"]
    date_hierarchy = "day"


@admin.register(Trouble)
class TroubleAdmin(ReadOnlyAdmin):
    list_display = ["kind", "message", "began_at", "until", "ended_at", "begin_told_at", "end_told_at"]
    list_filter = ["kind"]

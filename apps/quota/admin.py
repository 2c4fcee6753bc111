from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.defaultfilters import pluralize

from apps.incidents.admin import ReadOnlyAdmin
from apps.quota import keys
from apps.quota.models import ApiKey, QuotaSpend


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnlyAdmin):
    list_display = ["label", "project", "fingerprint", "state", "cooling_down_until", "reason", "changed_at"]
    list_filter = ["state", "project"]
    actions = ["use_again"]

    def has_use_again_permission(self, request: HttpRequest) -> bool:
        # Keys cannot be edited, so has_change_permission() is False for all.
        return request.user.has_perm("quota.change_apikey")

    @admin.action(description="Try selected keys again", permissions=["use_again"])
    def use_again(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        count = keys.reactivate(*queryset)
        self.message_user(request, f"{count} key{pluralize(count)} will be tried again.")


@admin.register(QuotaSpend)
class QuotaSpendAdmin(ReadOnlyAdmin):
    list_display = ["day", "project", "bucket", "used", "refused_at"]
    list_filter = ["bucket", "project"]
    date_hierarchy = "day"

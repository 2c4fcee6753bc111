"""Rules that hide videos: what one would hide, before it is added."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST

from apps.dashboard.forms import RuleForm
from apps.dashboard.views.pages import PageRequest, require_get_post, write_required
from apps.videos import hiding
from apps.videos.models import HidingRule


@require_get_post
@write_required
def rules(request: PageRequest) -> HttpResponse:
    """The rules; what is chosen in the address is previewed, POST adds it."""
    is_chosen = request.method == "POST" or "kind" in request.GET
    form = RuleForm(request.POST or request.GET) if is_chosen else RuleForm(initial=request.GET.dict())
    context: dict[str, Any] = {"form": form, "rules": HidingRule.objects.active().select_related("keyword")}
    if form.is_bound and form.is_valid():
        if request.method == "POST":
            rule, is_new = form.save()
            messages.success(request, "The rule is being applied." if is_new else f"There is this rule: {rule}.")
            return redirect("rules")
        context["affected"], context["is_exact"] = hiding.affected(*form.chosen())
    return render(request, "dashboard/rules.html", context)


@require_POST
@write_required
def delete(request: PageRequest, rule: int) -> HttpResponse:
    found = get_object_or_404(HidingRule.objects.active(), pk=rule)
    hiding.delete(HidingRule.objects.filter(pk=rule))
    messages.success(request, f"Deleted the rule “{found}”. What only it hid is being shown again.")
    return redirect("rules")

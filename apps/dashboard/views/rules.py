"""Rules that hide videos: what one would hide, before it is added."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.defaultfilters import pluralize
from django.urls import reverse
from django.views.decorators.http import require_POST

from apps.dashboard.forms import RuleForm
from apps.dashboard.views.pages import (
    PageRequest,
    came_from,
    render_page,
    require_get_post,
    say_with_undo,
    write_required,
)
from apps.videos import hiding
from apps.videos.models import HidingRule


@require_get_post
@write_required
def rules(request: PageRequest) -> HttpResponse:
    """The rules; what is chosen in the address is previewed, POST adds it and leads back to the list of videos."""
    is_chosen = request.method == "POST" or "kind" in request.GET
    form = RuleForm(request.POST or request.GET) if is_chosen else RuleForm(initial=request.GET.dict())
    if request.method == "POST" and form.is_valid() and add(request, form):
        return redirect(came_from(request) or "rules")
    active = HidingRule.objects.active().select_related("keyword")
    context: dict[str, Any] = {"form": form, "rules": active, "back": came_from(request)}
    context["each_second"] = any(rule.applied_at is None for rule in active)
    if form.is_bound and form.is_valid():
        context["affected"], context["is_exact"] = hiding.affected(*form.chosen())
    return render_page(request, "rules", context)


def add(request: PageRequest, form: RuleForm) -> bool:
    """Add the chosen rule and say what it hides; return False if there are too many."""
    affected, is_exact = hiding.affected(*form.chosen())
    try:
        rule, is_new = form.save()
    except ValidationError as error:
        form.add_error("value", error)
        return False
    if is_new:
        number = f"{affected:,}{'' if is_exact else ' or more'} stored video{pluralize(affected)}"
        action, back = reverse("rule-delete", args=[rule.pk]), came_from(request)
        say_with_undo(request, f"Rule added: {rule}. It hides {number}.", action, next=back)
    else:
        messages.info(request, f"There is this rule: {rule}.")
    return True


@require_POST
@write_required
def delete(request: PageRequest, rule: int) -> HttpResponse:
    found = get_object_or_404(HidingRule.objects.active(), pk=rule)
    hiding.delete(HidingRule.objects.filter(pk=rule))
    messages.success(request, f"Deleted the rule “{found}”. What only it hid is being shown again.")
    return redirect(came_from(request) or "rules")

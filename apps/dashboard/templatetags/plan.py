"""The plan in words."""

from django import template

from apps.dashboard import plan_text

register = template.Library()
register.filter("reason", plan_text.reason)
register.filter("about", plan_text.about)

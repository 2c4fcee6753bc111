"""The plan in words."""

from django import template

from apps.dashboard import plan_words

register = template.Library()
register.filter("why", plan_words.why)
register.filter("about", plan_words.about)

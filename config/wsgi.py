"""The WSGI application that the web server serves."""

import os

import django
from django.conf import settings

from config.proxied import Proxied
from config.requests import Handler

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup(set_prefix=False)

application = Proxied(Handler(), settings.TRUSTED_PROXIES, settings.PUBLIC_URL)

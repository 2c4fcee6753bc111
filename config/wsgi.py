"""The WSGI application that the web server serves."""

import os

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.utils.module_loading import import_string

from config.proxied import Proxied

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

application = Proxied(get_wsgi_application(), settings.TRUSTED_PROXIES, settings.PUBLIC_URL)

# The web server watches the other parts.
import_string("apps.incidents.parts.watch")()

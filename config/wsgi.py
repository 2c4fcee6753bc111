"""The WSGI application that config.serve serves."""

import os

from django.core.wsgi import get_wsgi_application
from django.utils.module_loading import import_string

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

application = get_wsgi_application()

# The web server watches the other parts.
import_string("apps.incidents.parts.watch")()

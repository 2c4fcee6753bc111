import os

from config.celery import app as celery_app

# Every process of Windhover begins here. What it makes (database, logs, secret key) is for its own user only.
os.umask(0o077)

__all__ = ["celery_app"]

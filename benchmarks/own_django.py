"""Django with Windhover's settings, and nothing of this machine's, for one benchmark."""

import logging
import os
from pathlib import Path

import django
from celery import current_app
from django.core.management import call_command
from dotenv import dotenv_values

EVERY_VARIABLE = Path(__file__).resolve().parent.parent / "example.env"


def set_up(folder: Path, **variables: str) -> None:
    """Set Django up with the project's settings, `variables`, and an empty database in `folder`."""
    configure(folder, **variables)
    call_command("migrate", verbosity=0)
    current_app.loader.import_default_modules()  # all tasks, as a worker does at its start


def configure(folder: Path, **variables: str) -> None:
    """Set Django up with the project's settings, `variables`, and its state in `folder`.

    Nothing of the environment and of `.env` gets in, so no real key, database or broker is ever touched.
    """
    for name in dotenv_values(EVERY_VARIABLE):
        os.environ.pop(name, None)
        os.environ.pop(f"{name}_FILE", None)
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "WINDHOVER_ENV_FILE": os.devnull,
        "STATE_DIR": str(folder),
        "no_proxy": "127.0.0.1",  # the simulator
    }
    os.environ |= variables
    django.setup()
    # The log lines of hundreds of fetches would hide the figures.
    logging.disable(logging.WARNING)

"""Windhover's settings, with the views that the API is compared with."""

from config.settings import *  # noqa: F403

ROOT_URLCONF = "benchmarks.api.urls"

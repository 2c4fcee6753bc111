"""Where videos are found."""

from django.db import models


class VideoFetchMethod(models.TextChoices):
    YOUTUBE = "youtube", "YouTube"
    INVIDIOUS = "invidious", "Invidious"

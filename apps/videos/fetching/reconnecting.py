"""Repeat a transaction whose connection to PostgreSQL was lost, as when the server is restarted."""

import logging
import time
from collections.abc import Callable
from typing import Final, TypeVar

from django import db
from django.db import connection

from core.log_lines import first_line, is_unreachable

logger = logging.getLogger(__name__)

T = TypeVar("T")

# Seconds before each further attempt. A restart takes one or two.
PAUSES: Final = [0.5, 1.5]


def reconnecting(transaction: Callable[[], T]) -> T:
    """Return what `transaction` returns; it may be called again, even if PostgreSQL had committed it."""
    for pause in PAUSES:
        try:
            return transaction()
        except db.Error as error:
            if not is_unreachable(error):
                raise
            logger.warning("the connection to the database was lost; trying again: %s", first_line(error))
        time.sleep(pause)
        connection.close_if_unusable_or_obsolete()
    return transaction()

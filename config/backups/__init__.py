"""Backups, restoring them, and the move to PostgreSQL: an app of its own, for its commands."""


class Refused(Exception):
    """Why a backup cannot be made or restored, or the database not be moved: a sentence or two for the terminal."""


def print_nothing(line: str) -> None:
    """Stand for what prints a line about the progress."""

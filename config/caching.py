"""Django's cache in files, any of which may be damaged, as after a power cut, or written by another version."""

from typing import Any

from django.core.cache.backends.filebased import FileBasedCache


class FileCache(FileBasedCache):
    """What cannot be read counts as missing; Django would fail each time, as it looks at its age first."""

    def get(self, key: str, default: Any = None, version: int | None = None) -> Any:
        try:
            return super().get(key, default, version)
        except OSError:
            raise
        except Exception:  # pickle raises many kinds
            self.delete(key, version)
            return default

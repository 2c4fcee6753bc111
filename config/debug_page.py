"""The page with error details, which DEBUG shows: without passwords and keys, and of any request."""

import re
from collections.abc import ItemsView
from types import FrameType
from typing import Any

from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, QueryDict
from django.views.debug import ExceptionReporter, SafeExceptionReporterFilter

# In a URL: redis://user:password@host
_CREDENTIALS = re.compile(r"(?<=://)[^\s/@]*(?=@)")


class ExceptionFilter(SafeExceptionReporterFilter):
    """Hide settings and variables by name, and the passwords of all URLs."""

    hidden_settings = re.compile(
        f"{SafeExceptionReporterFilter.hidden_settings.pattern}|NOTIFY|REDIS|BROKER|RESULT_BACKEND|DATABASE_URL|PROXY",
        re.IGNORECASE,
    )

    def cleanse_setting(self, key: Any, value: Any) -> Any:
        cleansed = super().cleanse_setting(key, value)
        return _CREDENTIALS.sub(self.cleansed_substitute, cleansed) if isinstance(cleansed, str) else cleansed

    def is_active(self, request: HttpRequest | None) -> bool:
        """Django hides what views mark as sensitive, such as a password that was just sent, only without DEBUG."""
        return True

    def get_traceback_frame_variables(self, request: Any, tb_frame: FrameType) -> ItemsView[str, Any]:
        variables = super().get_traceback_frame_variables(request, tb_frame)
        return {name: self.cleanse_setting(name, value) for name, value in variables}.items()


class Reporter(ExceptionReporter):
    """Show a request without its parameters if there are too many: to read them again would be another error."""

    def get_traceback_data(self) -> dict[str, Any]:
        if self.request is not None:
            try:
                _ = self.request.GET
            except SuspiciousOperation:
                self.request.GET = QueryDict()
        return super().get_traceback_data()

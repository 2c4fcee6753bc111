"""How the admin shows dates; Django finds this by FORMAT_MODULE_PATH."""

DATETIME_FORMAT = "Y-m-d H:i e"  # with the time zone: UTC
DATE_FORMAT = "Y-m-d"

"""How the admin shows dates; Django finds this by FORMAT_MODULE_PATH. They are in UTC."""

DATETIME_FORMAT = "Y-m-d H:i"
DATE_FORMAT = "Y-m-d"

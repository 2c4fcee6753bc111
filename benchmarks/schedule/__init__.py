"""How late fetches begin after they are due, while many keywords are added at once to a running Windhover."""

"""What faults do to a running Windhover: whether one loses a video, stores or searches twice, or leaves something stuck."""

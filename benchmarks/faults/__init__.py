"""What faults do to a running Windhover: whether one loses a video, stores it twice or leaves something stuck."""

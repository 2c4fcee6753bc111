"""What Windhover promises, measured: each benchmark compares in one run, and prints what it found."""

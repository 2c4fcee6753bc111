"""How much memory each process of a running Windhover takes, and how much it does with it.

It starts the whole system against a simulated YouTube, adds keywords, opens pages, waits until all is done, and reads
what Linux says of each process: PSS divides what processes share among them, so that PSS can be added up; USS is what
only this process has.
"""

"""What days of operation leave behind: memory, the size of the database, old data, and errors in the logs.

One process does what beat and the worker do together, while days pass as fast as the work is done; a
simulated YouTube is another process. On most days something fails that is not Windhover's fault.
"""

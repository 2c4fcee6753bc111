"""How early a day's searches find new videos: Windhover, two simple strategies, and the optimum.

A simulated YouTube publishes for a whole Pacific day; four strategies watch it, each with its own simulator and
database. All four use the real fetch_keyword() and the real ledger: they differ only in when they search for which
keyword.
"""

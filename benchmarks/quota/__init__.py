"""How early a day's searches find new videos: Windhover, simpler strategies, and the optimum of single searches.

A simulated YouTube publishes for some Pacific days, of which the last two are measured; each strategy watches it with
its own simulator and database. All use the real fetch_keyword() and the real ledger: they differ only in when they
search for which keywords.
"""

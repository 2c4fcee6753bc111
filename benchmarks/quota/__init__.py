"""How early a day's searches find new videos: Windhover, two simple ways to spend them, and the best there is.

A made-up YouTube publishes through a whole Pacific day; four contestants watch it, each with a world, a database
and a day of its own. All four fetch by the real fetch_keyword() and pay from the real ledger: they differ in when
they search for what, and in nothing else.
"""

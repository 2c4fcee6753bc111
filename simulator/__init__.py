"""A YouTube Data API and an Invidious on this machine, for the demo, the tests and the benchmarks.

>>> with Simulator(World(seed=7), projects=[Project("demo", ["demo-key"])]) as sim:
...     sim.youtube_url
'http://127.0.0.1:24680'

It is independent of the rest of the project and needs only the standard library.
"""

from simulator.clock import Clock
from simulator.content import Broadcast
from simulator.projects import Key, Project, Projects
from simulator.server import Simulator
from simulator.world import World

__all__ = ["Broadcast", "Clock", "Key", "Project", "Projects", "Simulator", "World"]

"""A session of the lab, without its page: carries out the page's commands in the tab or on a server.

The page's worker runs a `Session` in the tab; `pygpt serve` runs one in its own process. The caller passes a function
that sends events to the page, a site that loads texts and opens devices, and a store for data that outlives the page.
commands.py and messages.py declare the commands and the events.
"""

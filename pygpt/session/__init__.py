"""A session of the lab without its page: what is done with a command, wherever it is done.

The page's worker runs this in the tab, `pygpt serve` in a process of its own. Who runs a `Session` gives it a way to send
events to the page, a site that loads texts and opens devices, and a store for what is to outlive the page. The messages
are declared in messages.py.
"""

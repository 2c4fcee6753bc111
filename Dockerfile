# One image for all services of docker-compose.yml, which sets their commands. On its own it runs all parts.
FROM python:3.13-slim AS packages

COPY requirements.txt ./
# The descriptions of Google's other APIs would take 110 MB.
RUN python -m venv --without-pip /venv \
    && pip --python /venv/bin/python install --no-cache-dir --disable-pip-version-check --require-hashes --requirement requirements.txt \
    && find /venv/lib/python3.13/site-packages/googleapiclient/discovery_cache/documents -type f ! -name youtube.v3.json -delete

FROM python:3.13-slim

ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    STATE_DIR=/data \
    # For large sorts; in compose /tmp is in memory.
    SQLITE_TMPDIR=/data \
    HOST=0.0.0.0

WORKDIR /windhover

# A new named volume takes the owner of the folder at its mount point.
RUN useradd --uid 10001 --no-create-home windhover \
    && install --directory --mode 700 --owner windhover --group windhover /data

COPY --from=packages /venv /venv
COPY manage.py pyproject.toml ./
COPY config config
COPY core core
COPY apps apps
COPY simulator simulator

# Root owns all else, so that a process can change only its state.
USER 10001

EXPOSE 8000
HEALTHCHECK --timeout=10s --start-period=60s CMD ["python", "-m", "config.health", "web"]
CMD ["python", "-m", "config.run"]

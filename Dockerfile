# One image for all services of docker-compose.yml, which sets their commands. On its own it runs all parts.
FROM python:3.13-slim

ENV PYTHONUNBUFFERED=1 \
    STATE_DIR=/data \
    HOST=0.0.0.0

WORKDIR /windhover

COPY requirements.txt ./
RUN pip install --no-cache-dir --disable-pip-version-check --require-hashes --requirement requirements.txt

COPY manage.py pyproject.toml ./
COPY config config
COPY core core
COPY apps apps
COPY simulator simulator

# A new named volume takes the owner of the folder at its mount point.
RUN useradd --uid 10001 --no-create-home windhover \
    && install --directory --mode 700 --owner windhover --group windhover /data
USER 10001

EXPOSE 8000
CMD ["python", "-m", "config.run"]

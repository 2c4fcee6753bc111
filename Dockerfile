# One image for every service: docker-compose.yml names the command of each. By itself it runs all parts.
FROM python:3.13-slim

ENV PYTHONUNBUFFERED=1 \
    STATE_DIR=/data \
    HOST=0.0.0.0

WORKDIR /windhover

COPY requirements.txt ./
RUN pip install --no-cache-dir --disable-pip-version-check --require-hashes --requirement requirements.txt

COPY manage.py ./
COPY config config
COPY core core
COPY apps apps
COPY simulator simulator

# A new named volume takes over the owner of the folder that it covers.
RUN useradd --uid 10001 --no-create-home windhover \
    && install --directory --mode 700 --owner windhover --group windhover /data
USER 10001

EXPOSE 8000
CMD ["python", "-m", "config.run"]

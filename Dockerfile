# One image for `hop serve`, `hop worker` and `hop migrate`. Any base with Python 3.11 or newer and
# Debian's useradd works: docker build --build-arg BASE_IMAGE=...
ARG BASE_IMAGE=python:3.13-slim

FROM ${BASE_IMAGE} AS builder
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /src

# The build tools stay in a venv of their own: the image ships neither pip nor setuptools.
# setuptools comes from the developers' lock file: pip would fetch it without a hash for an isolated
# build, and hop does not need it to run.
COPY requirements.lock ./
RUN python -m venv /opt/build \
 && sed -n '/^setuptools==/,/[^\\]$/p' requirements.lock > build.lock \
 && /opt/build/bin/pip install --require-hashes --only-binary :all: -r build.lock

# Before the source, so that a change of hop does not reinstall everything. Wheels only: there is no
# compiler here, and an sdist would run code of its own.
COPY deploy/requirements.lock deploy/
RUN python -m venv --without-pip /opt/hop \
 && /opt/build/bin/pip --python /opt/hop/bin/python install \
      --require-hashes --only-binary :all: -r deploy/requirements.lock

# .dockerignore lists what this copies.
COPY . .
RUN /opt/build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /wheels . \
 && /opt/build/bin/pip --python /opt/hop/bin/python install --no-deps --no-index /wheels/*.whl


FROM ${BASE_IMAGE}
# Fixed numbers: they own the files of the journal's volume.
RUN groupadd --gid 10001 hop \
 && useradd --uid 10001 --gid 10001 --no-log-init --no-create-home \
      --home-dir /var/lib/hop --shell /usr/sbin/nologin hop \
 && install -d -m 0755 /var/lib/hop \
 && install -d -m 0700 -o hop -g hop /var/lib/hop/journal
COPY --from=builder /opt/hop /opt/hop

# pip has compiled the bytecode, and hop cannot write beside it.
ENV PATH=/opt/hop/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOP_JOURNAL_DIR=/var/lib/hop/journal

# After the chown: a new volume takes over the owner. It holds clicks that are not counted yet, so it
# should outlive the container.
VOLUME /var/lib/hop/journal
WORKDIR /var/lib/hop
# By number: Kubernetes' runAsNonRoot cannot tell from a name that it is not root.
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM

# Whether the process answers; /readyz also asks Postgres and Redis, and restarting hop because one
# of them is away would not help. http.client, unlike urllib, ignores proxies. Only `hop serve`
# answers: switch the check off for the other commands.
HEALTHCHECK --interval=15s --timeout=3s --start-period=20s --retries=3 \
  CMD ["python", "-c", "from http.client import HTTPConnection as C; c = C('127.0.0.1', 8000, timeout=2); c.request('GET', '/healthz'); raise SystemExit(c.getresponse().status != 200)"]

ENTRYPOINT ["hop"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8000"]

# Last, because they change with every build.
ARG BASE_IMAGE
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="hop" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.description="A runnable reference URL shortener" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.base.name="${BASE_IMAGE}"

# Two stages: the first builds a virtual environment from the lock file, the second only runs it.

FROM python:3.12-slim AS build
WORKDIR /src
COPY requirements/runtime.lock requirements/runtime.lock
RUN python -m venv /opt/setpoint
RUN /opt/setpoint/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps --require-hashes -r requirements/runtime.lock
COPY pyproject.toml README.md LICENSE ./
COPY operator operator
RUN python -m pip wheel --no-cache-dir --disable-pip-version-check --no-deps --wheel-dir /dist .
RUN /opt/setpoint/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps /dist/*.whl

FROM python:3.12-slim
COPY --from=build /opt/setpoint /opt/setpoint
# No name is looked up for it and no home is needed; the root file system may be read-only.
USER 65532:65532
ENV PATH=/opt/setpoint/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
EXPOSE 8080
ENTRYPOINT ["setpoint"]
CMD ["run", "--config", "/etc/setpoint/config.yaml", "--listen", "0.0.0.0:8080"]

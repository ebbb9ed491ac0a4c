"""The custom resources as pydantic models: the one source of the CRDs and of validation."""

GROUP = "setpoint.dev"
VERSION = "v1alpha1"

"""setpoint: keeps an application's AWS and data tier where its owners declared it."""

from importlib.metadata import version

__version__ = version("setpoint")

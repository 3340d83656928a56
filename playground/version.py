"""Which version of the playground this is."""

__version__ = "0.1.0"

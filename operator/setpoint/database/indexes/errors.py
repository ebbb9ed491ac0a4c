"""Why a statement is not looked at. Pure."""


class UnanalysableError(Exception):
    """The statement cannot be explained, or must not be. Its text is the reason, in our words."""

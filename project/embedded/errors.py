"""The one error of the embedded services: a line for the operator."""


class EmbeddedServiceError(Exception):
    """An embedded service cannot run. The text is one line that says which, why, and what to do."""

"""What a server or a library says of an error, short enough for a log and for whoever asked."""


def first_line(error: BaseException) -> str:
    """Without the hints and positions that databases add in further lines; the error's kind where it says nothing."""
    return str(error).strip().partition("\n")[0] or type(error).__name__

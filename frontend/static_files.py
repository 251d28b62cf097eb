"""Static files by WhiteNoise, answered as one body: it streams from a synchronous iterator, which Django under ASGI has to
collect anyway, and warns of. Ours are small, and all but the smallest are cached by the browser for ever.
"""

from typing import Any

from django.http import FileResponse, HttpResponse
from whitenoise.middleware import WhiteNoiseMiddleware


class StaticFilesMiddleware(WhiteNoiseMiddleware):
    @staticmethod
    def serve(static_file: Any, request: Any) -> HttpResponse | FileResponse:  # type: ignore[override]
        response: FileResponse = WhiteNoiseMiddleware.serve(static_file, request)  # type: ignore[no-untyped-call]
        if not response.streaming:
            return response
        whole = HttpResponse(b"".join(response), status=response.status_code)
        response.close()
        whole.headers = response.headers
        return whole

"""The REST side: one request at a time, tokens that are renewed, refusals that pass waited for."""

import asyncio
import json
import urllib.error
import urllib.request

TIMEOUT_SECONDS = 30

# Worth another try after `retryAfter` seconds, or one.
PASSING = ("rate.limited", "service.unavailable", "message.busy", "auth.busy")


# The token has ended; with another one the same request may pass.
AGED = ("auth.token-expired", "auth.token-invalid")


class Problem(Exception):
    """What the platform refused (RFC 9457); `code` is of the closed table in docs/openapi.json."""

    def __init__(self, body: dict):
        super().__init__(f"{body.get('code')}: {body.get('detail') or body.get('title')}")
        self.body = body
        self.code = body.get("code", "internal")


class Rest:
    def __init__(self, url: str):
        self.url = url.rstrip("/") + "/api/v1"
        self.token = None
        # Set by whoever knows how to get another token.
        self.renew = None
        self._renewing = asyncio.Lock()

    async def call(self, method: str, path: str, body=None, anonymous=False):
        """The answer's JSON. Raises Problem for what the platform refuses, OSError when it cannot be reached."""
        while True:
            used = None if anonymous else self.token
            status, answer = await asyncio.to_thread(self._request, method, path, body, used)
            if status < 400:
                return answer
            problem = Problem(answer)
            if problem.code in AGED and used is not None:
                async with self._renewing:
                    # Another request may have been here before.
                    if self.token == used:
                        await self.renew()
                continue
            if problem.code not in PASSING:
                raise problem
            await asyncio.sleep(answer.get("retryAfter", 1))

    def _request(self, method: str, path: str, body, token):
        headers = {"accept": "application/json"}
        if token is not None:
            headers["authorization"] = f"Bearer {token}"
        data = None
        if body is not None:
            headers["content-type"] = "application/json"
            data = json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as response:
                return response.status, json.loads(response.read() or b"null")
        except urllib.error.HTTPError as error:
            try:
                return error.code, json.loads(error.read())
            except ValueError:
                raise ConnectionError(f"{error.code} from something that is not the platform")

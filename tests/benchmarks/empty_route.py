"""What everything is compared with: a FastAPI application whose one route does nothing, in a process of its own.

    python -m tests.benchmarks.empty_route

prints its address and serves until it is ended.
"""

from __future__ import annotations

import socket

import uvicorn
from fastapi import FastAPI

app = FastAPI(openapi_url=None)


@app.get("/")
async def nothing() -> dict[str, str]:
    return {}


def main() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    print(f"http://127.0.0.1:{listener.getsockname()[1]}/", flush=True)
    config = uvicorn.Config(app, log_level="warning", access_log=False)
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()

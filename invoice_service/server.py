"""gunicorn, started from our own settings instead of a configuration file of its own."""

from __future__ import annotations

import gc
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication

from invoice_service.app import build_services, create_app
from invoice_service.config import Config


class _Server(BaseApplication):
    def __init__(self, config: Config) -> None:
        self._config = config
        super().__init__()

    def load_config(self) -> None:
        config = self._config
        settings: dict[str, Any] = {
            "bind": config.web_bind.split(","),
            "workers": config.web_workers,
            "worker_class": "gthread",
            "threads": config.web_threads,
            "keepalive": 75,
            "graceful_timeout": 5,
            "control_socket_disable": True,
            "preload_app": True,  # imports once; nothing connects before the fork
            "limit_request_line": 4094,
            "accesslog": None,
            "errorlog": "-",
            "loglevel": "warning",
        }
        if config.web_cert:
            settings |= {"certfile": config.web_cert, "keyfile": config.web_key}
        for name, value in settings.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        app = create_app(build_services(self._config))
        # What is loaded now stays for good. Looking through all of it for garbage, every twenty pages, would
        # stop a worker for 0.15 s; and memory that nobody writes to stays shared between the workers.
        gc.collect()
        gc.freeze()
        return app


def serve_web(config: Config) -> None:
    """Until SIGTERM."""
    _Server(config).run()

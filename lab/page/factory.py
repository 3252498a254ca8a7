"""Builds hop's app with the lab's page: one more blueprint, and its runner."""

from multiprocessing.util import Finalize
from pathlib import Path

from flask import Flask

from app import factory
from app.settings import Settings
from lab.page import views
from lab.page.runner import Runner


def add_lab(app: Flask, runner: Runner) -> None:
    """Add the page to an app, before its first request. The caller closes the runner."""
    app.extensions["lab"] = runner
    app.register_blueprint(views.blueprint)


def serve_from_env() -> Flask:
    """Build the app in a web process; the WSGI server's entry point when HOP_LAB is set."""
    app = factory.serve_from_env()
    settings: Settings = app.extensions["hop"].settings
    runner = Runner(Path(settings.lab_dir or Path(settings.journal_dir).parent / "lab").resolve())
    add_lab(app, runner)
    Finalize(None, runner.close, exitpriority=20)  # before the app's own resources
    return app

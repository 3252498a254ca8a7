"""hop with the lab's page: the app, one more blueprint, and the runner behind it."""

from multiprocessing.util import Finalize

from flask import Flask

from app import factory
from app.http.context import web_process
from lab.page import views
from lab.page.runner import Runner, open_runner


def add_lab(app: Flask, runner: Runner) -> None:
    """Put the page into an app that has not answered anything yet; the caller closes the runner."""
    app.extensions["lab"] = runner
    app.register_blueprint(views.blueprint)


def serve_from_env() -> Flask:
    """What a WSGI server calls, once in each of its worker processes, where HOP_LAB is on."""
    app = factory.serve_from_env()
    with app.app_context():
        runner = open_runner(web_process().settings)
    add_lab(app, runner)
    Finalize(None, runner.stop, exitpriority=20)  # at once; the process's resources close after it
    Finalize(None, runner.wait, exitpriority=5)
    return app

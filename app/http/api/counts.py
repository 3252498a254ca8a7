"""GET /counts?codes=a,b,c: clicks by code, for the front page, which polls it.

Public: whoever knows a code may know how often it was used, and nothing else about it.
"""

from typing import Final

from flask import Blueprint, Response, request

from app.http.bodies import answer
from app.http.context import web_process
from app.links.alias import CODE
from db.clicks.stats import read_clicks

blueprint = Blueprint("counts", __name__)

MAX_CODES: Final = 50


@blueprint.get("/counts")
def get_counts() -> Response:
    """Clicks of the first `MAX_CODES` codes; 0 for those without any."""
    codes = [code for code in request.args.get("codes", "").split(",") if CODE.fullmatch(code)]
    return answer(read_clicks(web_process().pool, codes[:MAX_CODES]))

"""GET /counts?codes=a,b,c: clicks by code, for the front page, which polls it.

Public: whoever knows a code may know how often it was used, and nothing else about it. Guesses here
count against the same limit as guesses at /<code>.
"""

from typing import Final

from flask import Blueprint, Response, request

from app.clicks.address import canonical_address
from app.http.bodies import answer
from app.http.context import web_process
from app.links.alias import CODE
from db.clicks.stats import read_clicks_of_links

blueprint = Blueprint("counts", __name__)

MAX_CODES: Final = 50


@blueprint.get("/counts")
def get_counts() -> Response:
    """Clicks of the first `MAX_CODES` codes. Codes that never were a link's are left out."""
    process, address = web_process(), canonical_address(request.remote_addr or "")
    codes = [code for code in request.args.get("codes", "").split(",") if CODE.fullmatch(code)]
    asked = set(codes[:MAX_CODES])
    process.guess_limit.check(address)
    known = read_clicks_of_links(process.pool, list(asked))
    process.guess_limit.note(address, len(asked) - len(known))
    return answer(known)

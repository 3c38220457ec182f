"""`/faults`: another process says what goes wrong. No part of v20."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from infra.brokers.v20_server.faults import FaultPlan, plan_of, told
from infra.brokers.v20_server.faulty_wire import FaultyWire
from market.errors import InvalidError


def fault_routes(wire: FaultyWire) -> list[Route]:
    """POST a plan, DELETE it, GET it with what it struck so far; each is answered with that."""

    async def answer(request: Request) -> JSONResponse:
        if request.method != "GET":
            plan = FaultPlan()
            try:
                if request.method == "POST":
                    plan = plan_of(await request.body())
                wire.inject(plan)
            except InvalidError as error:
                return JSONResponse({"errorMessage": str(error)}, 400)
        return JSONResponse(told(wire.faults))

    return [Route("/faults", answer, methods=["POST", "DELETE", "GET"])]

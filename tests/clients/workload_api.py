#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A SPIFFE Workload API on gRPC's own server, which frames, codes and percent-encodes as it sees fit, so that the
product's framing meets somebody else's.

    workload_api.py ADDRESS MINT_URL       ADDRESS: unix:/path or 127.0.0.1:0; MINT_URL: the testbed's /control/mint

It is a program of its own because python3-grpcio belongs to the system's Python, whatever `python3` is in the PATH.
Each line on stdin is a JSON object that replaces parts of its state, and is answered by a line with all of it:

    registrations   [{spiffe_id, hint, mint: options of /control/mint, svid: instead of a minted one}], in their order
    error           {code, message, times (-1: for ever)}: answered before anything is looked at
    hang            true: a call is never answered
    serve           false: the server has no Workload API
    issued, calls   what was answered; the requests with their metadata

Statuses and texts are SPIRE's. Field numbers are those of the published workloadapi.proto.
"""
import json
import sys
import threading
import urllib.request
from concurrent import futures

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory


def message_classes():
    text = descriptor_pb2.FieldDescriptorProto.TYPE_STRING
    file = descriptor_pb2.FileDescriptorProto(name="workloadapi.proto", syntax="proto3")

    def message(name, *fields):
        added = file.message_type.add(name=name)
        for number, (field, repeated, kind) in enumerate(fields, 1):
            label = 3 if repeated else 1
            if kind is None:
                added.field.add(name=field, number=number, label=label, type=text)
            else:
                added.field.add(name=field, number=number, label=label, type=11, type_name="." + kind)

    message("JWTSVIDRequest", ("audience", True, None), ("spiffe_id", False, None))
    message("JWTSVID", ("spiffe_id", False, None), ("svid", False, None), ("hint", False, None))
    message("JWTSVIDResponse", ("svids", True, "JWTSVID"))
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    make = getattr(message_factory, "GetMessageClass", None) or message_factory.MessageFactory(pool).GetPrototype
    return [make(pool.FindMessageTypeByName(name)) for name in ("JWTSVIDRequest", "JWTSVIDResponse")]


REQUEST, RESPONSE = message_classes()
CODES = {code.value[0]: code for code in grpc.StatusCode}


class Agent:
    def __init__(self, mint_url):
        self.mint_url = mint_url
        self.state = {"registrations": [], "error": None, "hang": False, "serve": True, "issued": [], "calls": []}
        self.ended = threading.Event()

    def mint(self, registration, audiences):
        if "svid" in registration:
            return registration["svid"]
        options = {"shape": "spiffe", **registration.get("mint", {})}
        claims = {"sub": registration["spiffe_id"], "aud": audiences, **options.get("claims", {})}
        body = json.dumps({**options, "claims": claims}).encode()
        request = urllib.request.Request(self.mint_url, body, {"Content-Type": "application/json"})
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=30) as answer:
            token = answer.read().decode()
        self.state["issued"].append(token)
        return token

    def refusal(self, request, metadata):
        error = self.state["error"]
        if error and error.get("times", -1) != 0:
            error["times"] = error.get("times", -1) - 1
            return error["code"], error["message"]
        if [value for key, value in metadata if key == "workload.spiffe.io"] != ["true"]:
            return 3, "security header missing from request"
        if not request.audience:
            return 3, "audience must be specified"
        if "" in request.audience:
            return 14, "could not fetch JWT-SVID: audience is empty"
        if request.spiffe_id and not request.spiffe_id.startswith("spiffe://"):
            return 3, "invalid requested SPIFFE ID: scheme is missing or invalid"
        return None

    def fetch(self, request, context):
        metadata = list(context.invocation_metadata())
        self.state["calls"].append({"audience": list(request.audience), "spiffe_id": request.spiffe_id,
                                    "peer": context.peer(), "metadata": metadata})
        if self.state["hang"]:
            self.ended.wait()
        refusal = self.refusal(request, metadata)
        found = [one for one in self.state["registrations"] if request.spiffe_id in ("", one["spiffe_id"])]
        if refusal is None and not found:
            refusal = 7, "no identity issued"
        if refusal is not None:
            context.abort(CODES[refusal[0]], refusal[1])
        answer = RESPONSE()
        for one in found:
            answer.svids.add(spiffe_id=one["spiffe_id"], hint=one.get("hint", ""),
                             svid=self.mint(one, list(request.audience)))
        return answer

    # A handler for any path: the one that is served, or none.
    def service(self, details):
        if details.method != "/SpiffeWorkloadAPI/FetchJWTSVID" or not self.state["serve"]:
            return None
        return grpc.unary_unary_rpc_method_handler(self.fetch, request_deserializer=REQUEST.FromString,
                                                   response_serializer=RESPONSE.SerializeToString)


def main():
    agent = Agent(sys.argv[2])
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=8))
    handler = type("Handler", (grpc.GenericRpcHandler,), {"service": lambda _, details: agent.service(details)})
    server.add_generic_rpc_handlers((handler(),))
    port = server.add_insecure_port(sys.argv[1])
    server.start()
    print(json.dumps({"port": port}), flush=True)
    for line in sys.stdin:
        agent.state.update(json.loads(line))
        print(json.dumps(agent.state), flush=True)
    agent.ended.set()
    server.stop(None).wait()


if __name__ == "__main__":
    main()

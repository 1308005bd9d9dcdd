"""
The same job as one would write it with kopf: it reads the owner, writes a record with the intent, and deletes the failing
pod. It does no more: no policies, no guardrails, no Events, no verification. Its requests go through one pooled session
of aiohttp, which kopf brings. Prints `ready` when the initial pods have been handed to its handler.
"""

import asyncio
import base64
import datetime
import json
import os
import ssl
import tempfile
import time

import aiohttp
import kopf

NAMESPACE = os.environ["NAMESPACE"]
FAILING = {"ErrImagePull", "ImagePullBackOff"}
QUIET_SECONDS = 1.0

started = set()
last_initial = time.monotonic()
api = {}


def file_of(encoded):
    with tempfile.NamedTemporaryFile(delete=False) as file:
        file.write(base64.b64decode(encoded))
    return file.name


def open_session():
    with open(os.environ["KUBECONFIG"], encoding="utf-8") as file:
        config = json.load(file)
    cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
    context = ssl.create_default_context(cadata=base64.b64decode(cluster["certificate-authority-data"]).decode())
    certificate, key = file_of(user["client-certificate-data"]), file_of(user["client-key-data"])
    context.load_cert_chain(certificate, key)
    os.unlink(certificate)
    os.unlink(key)
    api["session"] = aiohttp.ClientSession(
        cluster["server"], connector=aiohttp.TCPConnector(ssl=context), raise_for_status=True
    )


async def say_ready():
    while time.monotonic() - last_initial < QUIET_SECONDS:
        await asyncio.sleep(0.05)
    print("ready", flush=True)


@kopf.on.startup()
async def start(settings, **_):
    settings.posting.enabled = False
    open_session()
    api["ready"] = asyncio.create_task(say_ready())


@kopf.on.cleanup()
async def stop(**_):
    await api["session"].close()


async def call(method, path, body=None):
    async with api["session"].request(method, path, json=body) as response:
        return await response.json()


def now():
    return datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def controller_of(metadata):
    return next((each for each in metadata.get("ownerReferences", []) if each.get("controller")), None)


async def owner_of(meta):
    above = controller_of(meta)
    if above is None or above["kind"] != "ReplicaSet":
        return None
    apps = f"/apis/apps/v1/namespaces/{NAMESPACE}"
    top = controller_of((await call("GET", f"{apps}/replicasets/{above['name']}"))["metadata"])
    if top is None or top["kind"] != "Deployment":
        return None
    return await call("GET", f"{apps}/deployments/{top['name']}")


def record_of(meta, owner, message):
    name, uid = owner["metadata"]["name"], owner["metadata"]["uid"]
    return {
        "apiVersion": "podmend.io/v1alpha1",
        "kind": "Remediation",
        "metadata": {"name": f"{name}-image", "namespace": NAMESPACE},
        "spec": {
            "policy": {"name": NAMESPACE, "uid": "none", "generation": 1},
            "cause": "RegistryUnreachable",
            "target": {
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "namespace": NAMESPACE,
                "name": name,
                "uid": uid,
            },
            "templateHash": meta["labels"].get("pod-template-hash", ""),
            "message": message,
        },
    }


def status_of(phase, state):
    step = {"index": 0, "attempt": 1, "action": "RecyclePod", "state": state, "planHash": "0", "intendedAt": now()}
    return {"phase": phase, "attempts": [now()], "steps": [step]}


def message_of(status):
    for each in status.get("containerStatuses", []):
        waiting = each.get("state", {}).get("waiting") or {}
        if waiting.get("reason") in FAILING:
            return waiting.get("message", "")
    return None


@kopf.on.event("pods")
async def repair(event, meta, status, namespace, **_):
    global last_initial
    if event["type"] is None:
        last_initial = time.monotonic()
    message = message_of(status)
    if message is None or namespace != NAMESPACE or meta.get("deletionTimestamp") or meta["uid"] in started:
        return
    started.add(meta["uid"])
    owner = await owner_of(meta)
    if owner is None:
        return
    records = f"/apis/podmend.io/v1alpha1/namespaces/{NAMESPACE}/remediations"
    made = await call("POST", records, record_of(meta, owner, message))
    path = f"{records}/{made['metadata']['name']}/status"
    intended = await call("PUT", path, made | {"status": status_of("Running", "Intended")})
    guard = {"preconditions": {"uid": meta["uid"], "resourceVersion": meta["resourceVersion"]}}
    await call("DELETE", f"/api/v1/namespaces/{NAMESPACE}/pods/{meta['name']}", guard)
    await call("PUT", path, intended | {"status": status_of("Verifying", "Done")})

"""Order service: takes an order, reserves stock, asks for the price and announces it."""

import json
import logging
import os

import grpc
import httpx
import psycopg
from fastapi import FastAPI, HTTPException
from kafka import KafkaProducer
from openfeature import api
from orders import settings
from orders.stock_pb2 import ReserveRequest
from orders.stock_pb2_grpc import StockStub

log = logging.getLogger(__name__)
app = FastAPI(title="orders")
flags = api.get_client()
BASKET_URL = os.getenv("BASKET_URL", "http://basket:3000")


def reserve(sku: str, count: int) -> bool:
    """Reserve stock over gRPC."""
    with grpc.insecure_channel(settings.stock_target()) as channel:
        reply = StockStub(channel).Reserve(ReserveRequest(sku=sku, count=count))
    return bool(reply.reserved)


async def basket_of(user: str) -> dict[str, object]:
    """The basket of one user."""
    async with httpx.AsyncClient(timeout=2.0) as client:
        response = await client.get(f"{BASKET_URL}/baskets/{user}")
    response.raise_for_status()
    body: dict[str, object] = response.json()
    return body


def fraud_score(order: dict[str, object]) -> float:
    """Ask the outside fraud service."""
    token = os.environ["FRAUD_API_TOKEN"]
    response = httpx.post(
        "https://api.fraudwatch.example/v2/score",
        json=order,
        headers={"Authorization": f"Bearer {token}"},
    )
    return float(response.json()["score"])


def announce(order: dict[str, object]) -> None:
    """Put the order on the topic."""
    producer = KafkaProducer(bootstrap_servers=settings.broker_urls())
    producer.send("orders", json.dumps(order).encode())
    producer.flush()


def save(order: dict[str, object]) -> None:
    """Store the order."""
    with psycopg.connect(settings.DATABASE_URL) as connection:
        connection.execute("insert into orders (body) values (%s)", [json.dumps(order)])


@app.post("/orders")
async def create_order(user: str) -> dict[str, object]:
    """Create an order of what stands in the basket."""
    order = await basket_of(user)
    if flags.get_boolean_value("orders-fraud-check", False) and fraud_score(order) > 0.9:
        log.warning("refused by orders-fraud-model, see http://runbooks.example/fraud")
        raise HTTPException(status_code=403)
    if not reserve(str(order["sku"]), 1):
        raise HTTPException(status_code=409)
    if flags.get_integer_value("orders-batch-size", 10) > 1:
        log.info("batching is on")
    save(order)
    announce(order)
    return order


def ping(url: str) -> bool:
    """Whether a url answers (who calls says which)."""
    return httpx.get(url).is_success

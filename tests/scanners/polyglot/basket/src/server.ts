import express, { Request, Response } from "express";
import axios from "axios";
import Redis from "ioredis";
import { Pool } from "pg";
import { OpenFeature } from "@openfeature/server-sdk";
import { config, required, isProduction } from "./config";
import { suggest } from "./suggest";

const app = express();
const redis = new Redis(config.redisUrl);
const flags = OpenFeature.getClient("basket");
const { BASKET_DB_HOST, BASKET_DB_PASSWORD } = process.env;

const pool = new Pool({
  host: BASKET_DB_HOST,
  password: BASKET_DB_PASSWORD,
  database: "basket",
});

async function product(id: string) {
  const { data } = await axios.get(`${config.catalogUrl}/products/${id}`);
  return data;
}

async function shippingCost(country: string): Promise<number> {
  const response = await fetch(`http://delivery:8085/cost?country=${country}`);
  const body = await response.json();
  return body.cost;
}

async function audit(event: unknown): Promise<void> {
  const auditApi = axios.create({ baseURL: required("AUDIT_BASE_URL"), timeout: 500 });
  await auditApi.post("/events", event);
}

app.get("/baskets/:user", async (req: Request, res: Response) => {
  const raw = await redis.get(req.params.user);
  res.json(raw ? JSON.parse(raw) : { lines: [] });
});

export async function addLine(user: string, id: string): Promise<void> {
  const item = await product(id);
  if (await flags.getBooleanValue("basket-free-shipping", false)) {
    item.shipping = 0;
  } else {
    item.shipping = await shippingCost("NL");
  }
  const limit = await flags.getNumberValue("basket-max-lines", 20);
  console.log(`limit ${limit}; flag "basket-hidden-limit" is not used any more`);
  item.also = await suggest(id);
  await pool.query("insert into lines (owner, item) values ($1, $2)", [user, item]);
  await audit({ user, id });
}

export const probe = (url: string) => axios.head(url);

process.env.BASKET_STARTED = String(Date.now());
app.listen(config.port, () => {
  // docs: http://docs.basket.example/run
  console.log(`listening on http://localhost:${config.port}`, isProduction());
});

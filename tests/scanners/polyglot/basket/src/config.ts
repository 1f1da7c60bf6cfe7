import { hostname } from "node:os";

function envOr(name: string, fallback: string): string {
  return process.env[name] ?? fallback;
}

export function required(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`missing environment variable ${name}`);
  return value;
}

/** Everything the service takes from outside. `process.env.BASKET_OLD_NAME` is no longer read. */
export const config = {
  port: Number(process.env.PORT || 3000),
  redisUrl: envOr("BASKET_REDIS_URL", "redis://basket-redis:6379"),
  catalogUrl: required("CATALOG_URL"),
  instance: hostname(),
};

export function isProduction(): boolean {
  return process.env["NODE_ENV"] === "production";
}

// Baskets in redis: one key a buyer.
"use strict";

const { Store } = require("../noderuntime/keeping");

let store;

function opened() {
  store ??= new Store(process.env.CACHE_URL, Number(process.env.CACHE_TIMEOUT_MS ?? "500"));
  return store;
}

function lifetime() {
  return Number(process.env.BASKET_TTL_S ?? "1800");
}

function largest() {
  return Number(process.env.BASKET_MAX_LINES ?? "20");
}

async function read(user) {
  return (await opened().get(`basket:${user}`)) ?? [];
}

/** Put a line into a basket; the same product is counted up, the oldest line gives way. */
async function add(user, line) {
  const lines = await read(user);
  const known = lines.find((each) => each.product === line.product);
  if (known) known.count += line.count;
  else lines.push(line);
  await opened().put(`basket:${user}`, lines.slice(-largest()), lifetime());
  return lines;
}

async function clear(user) {
  await opened().forget(`basket:${user}`);
}

module.exports = { opened, read, add, clear };

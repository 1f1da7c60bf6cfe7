// The cart: what a buyer has put aside.
"use strict";

const { Refused, Service } = require("../noderuntime/serving");
const { log } = require("../noderuntime/telemetry");
const baskets = require("./baskets");

const service = new Service();

/** Turn a store that is away into a reply. */
async function kept(work) {
  try {
    return await work();
  } catch (error) {
    log.error(`baskets cannot be reached: ${error.message}`);
    throw new Refused(503, "baskets cannot be reached");
  }
}

async function show(request) {
  return { items: await kept(() => baskets.read(request.path.user)) };
}

async function put(request) {
  const { product, count, cents } = request.body;
  if (!product || !(count > 0)) throw new Refused(400, "a line needs a product and a count");
  return { items: await kept(() => baskets.add(request.path.user, { product, count, cents })) };
}

async function empty(request) {
  await kept(() => baskets.clear(request.path.user));
  return { items: [] };
}

service.route("GET", "/baskets/{user}", show);
service.route("POST", "/baskets/{user}", put);
service.route("DELETE", "/baskets/{user}", empty);
service.route("DELETE", "/baskets/{user}", empty);
baskets.opened();
service.run();

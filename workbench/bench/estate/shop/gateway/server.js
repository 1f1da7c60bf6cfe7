// The entry: what the shop's web page asks for.
"use strict";

const { getClient } = require("../noderuntime/flags");
const { Refused, Service } = require("../noderuntime/serving");
const { log } = require("../noderuntime/telemetry");
const { tokenOf } = require("./tokens");
const upstreams = require("./upstreams");

const service = new Service();
const flags = getClient();

async function products() {
  return upstreams.catalog().get("/products");
}

async function product(request) {
  const [page, suggested] = await Promise.all([
    upstreams.catalog().get(`/products/${request.path.id}`),
    suggestions(request.path.id),
  ]);
  return { ...page, suggestions: suggested };
}

/** Suggest more; a page without suggestions is still a page. */
async function suggestions(id) {
  if (!(await flags.getBooleanValue("suggestions", true))) return [];
  try {
    return (await upstreams.recommendations().get(`/suggestions/${id}`)).suggestions;
  } catch (error) {
    log.warning(`no suggestions for ${id}: ${error.message}`);
    return [];
  }
}

async function basket(request) {
  return upstreams.cart().get(`/baskets/${request.path.user}`);
}

async function put(request) {
  const { product: id, count } = request.body;
  return upstreams.cart().post(`/baskets/${request.path.user}`, await priced(id, count));
}

/** Return a line of a basket, with the price that the page showed. */
async function priced(id, count) {
  const { cents } = await upstreams.catalog().get(`/products/${id}`);
  return { product: id, count, cents };
}

async function order(request) {
  const { user, product: id, count } = request.body;
  if (!user) throw new Refused(400, "who orders?");
  const token = await tokenOf(user);
  if (id) await upstreams.cart().post(`/baskets/${user}`, await priced(id, count ?? 1));
  return upstreams.checkout().post("/orders", {}, { Authorization: `Bearer ${token}` });
}

service.route("GET", "/products", products);
service.route("GET", "/products/{id}", product);
service.route("GET", "/baskets/{user}", basket);
service.route("POST", "/baskets/{user}", put);
service.route("POST", "/orders", order);
service.run();

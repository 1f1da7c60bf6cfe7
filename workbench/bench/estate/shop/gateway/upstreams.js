// Whom the gateway asks, and for how long it waits.
"use strict";

const { Peer } = require("../noderuntime/calling");

function catalog() {
  return new Peer(process.env.CATALOG_URL, Number(process.env.CATALOG_TIMEOUT_MS ?? "3000"));
}

function recommendations() {
  return new Peer(process.env.RECOMMENDATIONS_URL, Number(process.env.RECOMMENDATIONS_TIMEOUT_MS ?? "800"));
}

function cart() {
  return new Peer(process.env.CART_URL, Number(process.env.CART_TIMEOUT_MS ?? "1500"));
}

function accounts() {
  return new Peer(process.env.ACCOUNTS_URL, Number(process.env.ACCOUNTS_TIMEOUT_MS ?? "1500"));
}

function checkout() {
  return new Peer(process.env.CHECKOUT_URL, Number(process.env.CHECKOUT_TIMEOUT_MS ?? "6000"));
}

module.exports = { catalog, recommendations, cart, accounts, checkout };

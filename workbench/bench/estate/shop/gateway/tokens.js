// Tokens of those who are logged in, kept for a short while.
"use strict";

const { accounts } = require("./upstreams");

const kept = new Map();

function seconds() {
  return Number(process.env.TOKEN_CACHE_S ?? "20");
}

/** Return a token for a user: the one at hand, or a new one. */
async function tokenOf(user) {
  const known = kept.get(user);
  if (known && known.until > Date.now()) return known.token;
  const { token } = await accounts().post("/tokens", { user });
  kept.set(user, { token, until: Date.now() + 1000 * seconds() });
  return token;
}

module.exports = { tokenOf };

// Tokens: who it is and until when, signed with a secret that those who check it share.
"use strict";

const crypto = require("node:crypto");
const { validNow } = require("./certificate");

function secret() {
  const value = process.env.TOKEN_SECRET;
  if (!value) throw new Error("TOKEN_SECRET is not set");
  return value;
}

function lifetime() {
  return Number(process.env.TOKEN_TTL_S ?? "600");
}

/** Return a signed token. */
function issue(user) {
  const said = { user, expires: Date.now() / 1000 + lifetime(), issuer: validNow() };
  const payload = Buffer.from(JSON.stringify(said)).toString("base64url");
  const signature = crypto.createHmac("sha256", secret()).update(payload).digest("hex");
  return `${payload}.${signature}`;
}

module.exports = { issue, secret };

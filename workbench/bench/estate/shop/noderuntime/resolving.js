// Where a name of the compose network is, when there is no compose network: the hosts file of one process.
"use strict";

const fs = require("node:fs");

let known = { key: "", table: {} };

/** Return {host, port} to connect to: SHOP_HOSTS_FILE maps `name:port` to `address:port`; without it, the name itself. */
function address(host, port) {
  const path = process.env.SHOP_HOSTS_FILE;
  if (!path) return { host, port };
  const about = fs.statSync(path, { bigint: true });
  const key = `${about.mtimeNs} ${about.size} ${about.ino}`;
  if (key !== known.key) known = { key, table: JSON.parse(fs.readFileSync(path, "utf8")) };
  const found = known.table[`${host}:${port}`];
  if (!found) {
    const error = new Error(`getaddrinfo ENOTFOUND ${host}`); // as the resolver of Node says it
    throw Object.assign(error, { errno: -3008, code: "ENOTFOUND", syscall: "getaddrinfo", hostname: host });
  }
  const [ip, number] = found.split(":");
  return { host: ip, port: Number(number) };
}

module.exports = { address };

// The certificate under which tokens are issued: read anew when the file changes, and no token without a valid one.
"use strict";

const crypto = require("node:crypto");
const fs = require("node:fs");
const { Gauge, register } = require("../noderuntime/metrics");

let known = { key: "", certificate: undefined };

function file() {
  return process.env.CERT_FILE ?? "data/certificate.pem";
}

function certificate() {
  const about = fs.statSync(file(), { bigint: true });
  const key = `${about.mtimeNs} ${about.size}`;
  if (key !== known.key) known = { key, certificate: new crypto.X509Certificate(fs.readFileSync(file())) };
  return known.certificate;
}

/** Return the short name of a certificate that is valid now; throw where it is not. */
function validNow(now = new Date()) {
  const { fingerprint256, validFrom, validTo } = certificate();
  if (now > new Date(validTo)) throw new Error(`certificate has expired: notAfter ${validTo}`);
  if (now < new Date(validFrom)) throw new Error(`certificate is not yet valid: notBefore ${validFrom}`);
  return fingerprint256.replaceAll(":", "").slice(0, 16);
}

function secondsLeft() {
  return fs.existsSync(file()) ? [[{}, (new Date(certificate().validTo) - Date.now()) / 1000]] : [];
}

register(new Gauge("certificate_expiry_seconds", secondsLeft));

module.exports = { validNow };

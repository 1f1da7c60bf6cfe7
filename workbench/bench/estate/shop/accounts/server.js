// Accounts: who someone is, and the token that says so.
"use strict";

const { Refused, Service } = require("../noderuntime/serving");
const { log } = require("../noderuntime/telemetry");
const { person } = require("./people");
const { issue, secret } = require("./tokens");

const service = new Service();

async function login(request) {
  const { user } = request.body;
  if (!user) throw new Refused(400, "a user is needed");
  const token = issue(user);
  log.info(`token issued to ${user}`);
  return { token };
}

async function show(request) {
  return person(request.path.user);
}

secret(); // end at once where it is missing
service.route("POST", "/tokens", login);
service.route("GET", "/users/{user}", show);
service.run();

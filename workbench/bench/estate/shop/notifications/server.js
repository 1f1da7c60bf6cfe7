// Notifications: what buyers are told, kept in an outbox until it is sent.
"use strict";

const { Refused, Service } = require("../noderuntime/serving");
const { log } = require("../noderuntime/telemetry");
const outbox = require("./outbox");

const service = new Service();

async function message(request) {
  const { user, text } = request.body;
  if (!user || !text) throw new Refused(400, "a message needs a user and a text");
  try {
    await outbox.write({ at: new Date().toISOString(), user, text });
  } catch (error) {
    log.error(`message to ${user} was not written: ${error.message}`, error);
    throw new Refused(507, "the outbox takes no more");
  }
  log.info(`message to ${user} written`);
  return { kept: true };
}

service.route("POST", "/messages", message);
service.run();

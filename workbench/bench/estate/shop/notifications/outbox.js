// The outbox: a file a day, one line a message; opened for every write, so that rotation needs no signal.
"use strict";

const fs = require("node:fs/promises");
const path = require("node:path");

function folder() {
  return process.env.OUTBOX_DIR ?? "data/outbox";
}

/** Append a message, and have it on disk before we say so. */
async function write(message) {
  await fs.mkdir(folder(), { recursive: true });
  const file = await fs.open(path.join(folder(), "messages.jsonl"), "a");
  try {
    await file.writeFile(`${JSON.stringify(message)}\n`);
    await file.datasync();
  } finally {
    await file.close();
  }
}

module.exports = { write };

// Who buys here: made up, the same for the same name.
"use strict";

const STREETS = ["Mill Lane", "Harbour Road", "Castle Street", "Orchard Way", "Station Square"];
const TOWNS = ["Northport", "Eastfield", "Southam", "Westbury"];

function numberOf(user) {
  return [...user].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 100003, 7);
}

/** Return what is known of a user; a third of them never gave a postcode. */
function person(user) {
  const number = numberOf(user);
  const postcode = number % 3 ? `${1000 + (number % 8999)} ` : "";
  const street = STREETS[number % STREETS.length];
  return { user, address: `${street} ${1 + (number % 80)}, ${postcode}${TOWNS[number % TOWNS.length]}` };
}

module.exports = { person };

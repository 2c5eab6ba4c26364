/**
 * Leads AWS's host names to the emulator: every connection of Node.js to one of them goes there instead.
 *
 * Preloaded, also by workers and by programs that are forked. TLS is spoken under the name that was asked for, for which the
 * emulator has a certificate.
 */
"use strict";

const told = process.env.STREAMER_LEADS_HOME;
if (told) lead(...told.split(" "));

function lead(home, port, ...ends) {
  const dns = require("node:dns");
  const net = require("node:net");

  const leads = (host) => {
    if (typeof host !== "string") return false;
    const name = host.toLowerCase().replace(/\.$/, "");
    return ends.some((end) => name.endsWith(end));
  };
  const led = (options) => ({ ...options, host: home, port: Number(port), path: undefined, lookup: undefined });

  const connect = net.Socket.prototype.connect;
  net.Socket.prototype.connect = function (...given) {
    const [first, second] = given;
    if (Array.isArray(first)) {
      // What `net.connect` has already sorted; the list itself is marked as that.
      if (leads(first[0]?.host)) first[0] = led(first[0]);
    } else if (typeof first === "object" && first !== null) {
      if (leads(first.host)) given[0] = led(first);
    } else if (leads(second)) {
      given[0] = Number(port);
      given[1] = home;
    }
    return connect.apply(this, given);
  };

  const lookup = dns.lookup;
  dns.lookup = function (name, ...more) {
    return lookup.call(this, leads(name) ? home : name, ...more);
  };
  const lookupLater = dns.promises.lookup;
  dns.promises.lookup = function (name, ...more) {
    return lookupLater.call(this, leads(name) ? home : name, ...more);
  };
}

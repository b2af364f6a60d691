// The links in memory and in one file: a JSON document a line, appended and synced before anyone is told.
"use strict";
const fs = require("node:fs");
const { randomInt } = require("node:crypto");

const LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const RESERVED = new Set(["healthz", "metrics", "readyz"]);

class Links {
  constructor(path) {
    this.path = path;
    this.byId = new Map();
    this.waiting = [];
    this.busy = false;
    this.size = this.load();
    this.file = fs.openSync(path, "a");
  }

  // Read what is there; a line that a crash cut short was never acknowledged and goes.
  load() {
    if (!fs.existsSync(this.path)) return 0;
    const text = fs.readFileSync(this.path);
    const whole = text.lastIndexOf(0x0a) + 1;
    for (const line of text.subarray(0, whole).toString().split("\n")) {
      if (line) this.remember(JSON.parse(line));
    }
    if (whole < text.length) fs.truncateSync(this.path, whole);
    return whole;
  }

  remember(link) {
    this.byId.set(link.id, link);
  }

  get(id) {
    return this.byId.get(id);
  }

  add(url) {
    const link = { id: this.newId(), url, created_at: new Date().toISOString() };
    return new Promise((resolve, reject) => {
      this.waiting.push({ link, resolve, reject });
      this.flush();
    });
  }

  newId() {
    for (;;) {
      let id = "";
      for (let n = 0; n < 7; n++) id += LETTERS[randomInt(LETTERS.length)];
      if (!RESERVED.has(id) && !this.byId.has(id)) return id;
    }
  }

  // One write and one sync for all that wait: the cost of a sync is shared.
  flush() {
    if (this.busy || this.waiting.length === 0) return;
    this.busy = true;
    const batch = this.waiting.splice(0);
    const lines = Buffer.from(batch.map(({ link }) => JSON.stringify(link) + "\n").join(""));
    this.write(lines, (error) => {
      for (const { link, resolve, reject } of batch) {
        if (error) reject(error);
        else {
          this.remember(link);
          resolve(link);
        }
      }
      this.busy = false;
      this.flush();
    });
  }

  write(lines, done) {
    const failed = (error) => fs.ftruncate(this.file, this.size, () => done(error));
    fs.write(this.file, lines, 0, lines.length, null, (error, written) => {
      if (error || written < lines.length) return failed(error ?? new Error("the disk is full"));
      fs.fsync(this.file, (problem) => {
        if (problem) return failed(problem);
        this.size += lines.length;
        done(null);
      });
    });
  }
}

module.exports = { Links };

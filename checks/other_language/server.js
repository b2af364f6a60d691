// Lab 1's contract in JavaScript, on Node's standard library alone. It shows that the checks are fair to any language.
"use strict";
const http = require("node:http");
const { Links } = require("./links.js");

const { HOST = "127.0.0.1", PORT = "8000", BASE_URL = `http://${HOST}:${PORT}`, LINKS_FILE = "links.json" } = process.env;
const MOST = 16 * 1024; // bytes of a body
const links = new Links(LINKS_FILE);

class Problem extends Error {
  constructor(status, title, detail, headers = {}) {
    super(detail);
    Object.assign(this, { status, title, headers });
  }
}

function send(response, status, headers, document) {
  const body = document === undefined ? "" : JSON.stringify(document);
  response.writeHead(status, { ...headers, "Content-Length": Buffer.byteLength(body) });
  response.end(body);
}

function sendProblem(response, error) {
  if (response.headersSent) return;
  const status = error.status ?? 503;
  const headers = { "Content-Type": "application/problem+json", ...(status === 503 ? { "Retry-After": "1" } : {}), ...error.headers };
  send(response, status, headers, { title: error.title ?? "Not stored", status, detail: error.message });
}

// The whole body, at most MOST bytes, within 4 s.
function bodyOf(request) {
  return new Promise((resolve, reject) => {
    const close = { Connection: "close" };
    const timer = setTimeout(() => reject(new Problem(408, "Too slow", "The body took over 4 s.", close)), 4000);
    const parts = [];
    let size = 0;
    request.on("data", (part) => {
      size += part.length;
      if (size > MOST) reject(new Problem(413, "Too large", `A body has at most ${MOST} bytes.`, close));
      else parts.push(part);
    });
    request.on("end", () => resolve(Buffer.concat(parts)));
    request.on("error", reject);
    request.on("close", () => clearTimeout(timer));
  });
}

function parse(body) {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
  } catch {
    throw new Problem(400, "Not JSON", "The body must be JSON, such as {\"url\": \"https://example.com/\"}.");
  }
}

function checkUrl(url) {
  const wrong = (detail) => new Problem(422, "Not a url for a link", detail);
  if (typeof url !== "string") throw wrong("`url` must be a string.");
  if (url.length > 2048) throw wrong("A url has at most 2,048 characters.");
  if (/[^\x21-\x7e]/.test(url)) throw wrong("Percent-encode spaces, control characters and all beyond ASCII; write the host as punycode.");
  const parts = /^https?:\/\/([^/?#]+)/i.exec(url);
  if (!parts || !URL.canParse(url)) throw wrong("A url begins with http:// or https:// and a host, and its port is a number.");
}

async function create(request, response) {
  const type = (request.headers["content-type"] ?? "").split(";")[0].trim().toLowerCase();
  if (type !== "application/json") throw new Problem(415, "Not JSON", "Send Content-Type: application/json.");
  const document = parse(await bodyOf(request));
  const url = document?.url;
  checkUrl(url);
  const link = await links.add(url);
  const short = `${BASE_URL}/${link.id}`;
  const answer = { id: link.id, url, short_url: short, created_at: link.created_at };
  send(response, 201, { "Content-Type": "application/json", Location: short }, answer);
}

function redirect(id, response) {
  const link = links.get(id);
  if (!link) throw new Problem(404, "No such link", `There is no link ${id.slice(0, 50)}.`);
  send(response, 302, { Location: link.url });
}

async function answer(request, response) {
  const path = request.url.split("?")[0];
  const reading = request.method === "GET" || request.method === "HEAD";
  const allow = (methods) => new Problem(405, "Not allowed", `Use ${methods} here.`, { Allow: methods });
  if (path === "/links") {
    if (request.method !== "POST") throw allow("POST");
    return create(request, response);
  }
  if (!/^\/[^/]+$/.test(path)) throw new Problem(404, "Not found", "There is nothing here.");
  if (!reading) throw allow("GET, HEAD");
  if (path === "/healthz") return send(response, 200, { "Content-Type": "application/json" }, { status: "alive" });
  return redirect(path.slice(1), response);
}

const server = http.createServer((request, response) => {
  answer(request, response).catch((error) => sendProblem(response, error));
});
server.headersTimeout = 4000;
server.listen(Number(PORT), HOST);
process.on("SIGTERM", () => server.close(() => process.exit(0)));

// The part of an address after "#" never reaches a server: turn the access portal's routes into requests.
const [route, query = ""] = location.hash.slice(1).split("?", 2);
const page = { "/console": "/start/console", "/device": "/device" }[route];
if (page) {
  location.replace(`${page}?${query}`);
}

// A sign-in token must not stay in the address bar or the history.
const settled = document.querySelector("[data-address]");
if (settled) {
  history.replaceState(null, "", settled.dataset.address);
}

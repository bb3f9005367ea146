// The part of an address after "#" never reaches a server: turn the access portal's routes into requests.
function follow() {
  const [route, ...rest] = location.hash.slice(1).split("?");
  const query = rest.join("?");
  const tab = new URLSearchParams(query).get("tab");
  const page = {
    "/console": `/start/console?${query}`,
    "/device": `/device?${query}`,
    "/": { accounts: "/start", applications: "/start/applications" }[tab],
  }[route];
  if (page) {
    location.replace(page);
  }
}
follow();
addEventListener("hashchange", follow);

// A sign-in token must not stay in the address bar or the history.
const settled = document.querySelector("[data-address]");
if (settled) {
  history.replaceState(null, "", settled.dataset.address);
}

// Without script the fields can be selected and copied by hand: so the buttons come with it.
const buttons = document.querySelectorAll("[data-copy]");
for (const button of buttons) {
  const field = document.getElementById(button.dataset.copy);
  const [label] = field.labels;
  button.hidden = false;
  button.addEventListener("click", async () => {
    field.select();
    const copied = await navigator.clipboard.writeText(field.value).then(
      () => true,
      () => document.execCommand("copy"),
    );
    for (const other of buttons) {
      other.textContent = copied && other === button ? "Copied" : "Copy";
    }
    document.getElementById("copied").textContent = copied
      ? `Copied: ${label.textContent}`
      : `Your browser does not let this page copy. ${label.textContent} is selected: copy it with the keyboard.`;
  });
}

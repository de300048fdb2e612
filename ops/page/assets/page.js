// What the library can't: the session's token, the tab's title, the keyboard's place,
// and a server that is gone.
"use strict";
(() => {
  const find = (selector) => document.querySelector(selector);

  // The token comes behind the #, which no browser sends anywhere. It is kept for this
  // tab and this port alone, unlike a cookie, and leaves the address at once.
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (given) {
    sessionStorage.setItem("token", given);
    history.replaceState(null, "", location.pathname + location.search);
  }
  document.addEventListener("submit", (event) => {
    const field = event.target.querySelector("input[name=token]");
    if (field) field.value = sessionStorage.getItem("token") || "";
  });

  // What is renewed is put in the place of what was there: the keyboard goes on where
  // it was, or at the top of another page; and a table stays scrolled as it was.
  let path = location.pathname;
  let last = null;
  const scrolled = new Map();
  document.addEventListener("focusin", (event) => {
    last = event.target.matches("main, body") ? null : event.target;
  });
  document.addEventListener("scroll", (event) => {
    const name = event.target.ariaLabel;
    if (name) scrolled.set(name, event.target.scrollTop);
  }, true);
  const again = () => {
    for (const table of document.querySelectorAll(".tall")) {
      const top = scrolled.get(table.ariaLabel);
      if (top && !table.scrollTop) table.scrollTop = top;
    }
    if (location.pathname !== path && find("main")) {
      path = location.pathname;
      scrolled.clear();
      window.scrollTo(0, 0);
      find("main").focus({preventScroll: true});
    } else if (last && !last.isConnected && document.activeElement === document.body) {
      const same = [...document.querySelectorAll("a[href]")].find(
        (each) => each.text === last.text && each.className === last.className)
        || [...document.querySelectorAll("a[href]")].find((each) => each.href === last.href);
      if (same) same.focus({preventScroll: true});
    }
  };

  const name = document.title;
  const titled = () => {
    const bad = find("#banner:not(:empty), .facts strong.bad, [data-state=bad]");
    const title = (bad ? "\u25CF bad: " : "") + name;
    if (document.title !== title) document.title = title;
  };
  let due = false;
  new MutationObserver(() => {
    if (due) return;
    due = true;
    setTimeout(() => { due = false; again(); titled(); }, 30);
  }).observe(document.body, {childList: true, subtree: true, attributes: true,
    attributeFilter: ["data-state"]});

  const ask = async () => {
    try {
      find("#lost").hidden = (await fetch("/alive", {cache: "no-store"})).ok;
    } catch {
      find("#lost").hidden = false;
    }
  };
  setInterval(ask, 5000);
})();

// App Bridge in miniature, as the sandbox shop serves it: `shopify.idToken()` and nothing else. The real one is loaded from
// https://cdn.shopify.com/shopifycloud/app-bridge.js and asks the admin around the app in the same way.
"use strict";
window.shopify = (() => {
  const waiting = new Map();
  let last = 0;
  addEventListener("message", (event) => {
    const answer = event.source === parent && waiting.get(event.data.number);
    if (!answer) return;
    waiting.delete(event.data.number);
    answer(event.data.token);
  });
  const idToken = () => new Promise((resolve) => {
    last += 1;
    waiting.set(last, resolve);
    parent.postMessage({ ask: "idToken", number: last }, "*");
  });
  return { idToken };
})();

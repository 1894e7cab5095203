// Asks for the steps every two seconds until all are done or one needs a person. The word that opens them is in the page,
// not in an address or a cookie: within a platform's frame there may be none.
"use strict";
{
  const EVERY_MS = 2000;
  const LONGEST_MS = 14 * 60 * 1000;

  const standing = (steps) => {
    const part = steps.querySelector("[data-standing]");
    return part ? part.dataset.standing : "";
  };

  const watch = () => {
    const steps = document.getElementById("steps");
    if (!steps || standing(steps) === "done") return;
    const until = Date.now() + LONGEST_MS;
    const look = async () => {
      try {
        const answer = await fetch(steps.dataset.from, { headers: { Authorization: "Bearer " + steps.dataset.view } });
        if (answer.ok) {
          const text = await answer.text();
          if (text !== steps.dataset.shown) {
            steps.dataset.shown = text;
            steps.innerHTML = text;
          }
        }
      } catch (error) {
        // No answer: the next look may have one.
      }
      if (steps.isConnected && standing(steps) !== "done" && Date.now() < until) setTimeout(look, EVERY_MS);
    };
    setTimeout(look, 500);
  };

  document.addEventListener("desk:shown", watch);
  watch();
}

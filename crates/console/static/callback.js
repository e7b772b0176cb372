// The page that an authorization server sends the pop-up back to. It hands the answer to the server
// under the cookie of the session that began, and tells the console how that went.
"use strict";

(async () => {
  const query = new URLSearchParams(location.search);
  // The code is worth something for a minute or two: it must stay in no history.
  history.replaceState(null, "", location.pathname);
  const state = query.get("state") ?? "";
  const answer = { state };
  for (const [name, member] of [["code", "code"], ["error", "error"], ["error_description", "errorDescription"]]) {
    if (query.has(name)) answer[member] = query.get(name);
  }
  const outcome = await handOver(answer);
  const channel = new BroadcastChannel("tidegate-authorization");
  channel.postMessage({ state, ...outcome });
  channel.close();
  document.getElementById("message").textContent = outcome.message;
  if (outcome.ok) window.close();

  /** What the server says to the answer, in words for a person. */
  async function handOver(answer) {
    if (!answer.state || !(answer.code || answer.error)) {
      return { ok: false, message: "This address is only for the answer of an authorization server, and there is none in it." };
    }
    try {
      const response = await fetch("../session/authorization", {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(answer),
        credentials: "same-origin",
        cache: "no-store",
      });
      const said = await response.json().catch(() => ({}));
      const unknown = `The server answered with status ${response.status}. Begin the authorization again.`;
      return { ok: response.ok && said.ok === true, message: said.message ?? unknown };
    } catch {
      return { ok: false, message: "The server does not answer. Close this window and begin the authorization again." };
    }
  }
})();

// The phone: keeps one conversation on screen, sends what the person does to /api, polls for what comes back.
"use strict";

(() => {
  const POLL_MS = 700;
  const HIDDEN_POLL_MS = 3000;
  const PEOPLE_EVERY = 5;
  const { say, make } = Bubbles;
  const find = (id) => document.getElementById(id);
  const state = { channel: "zalo", user: "", name: "", version: 0, messages: new Map(), profile: {}, round: 0 };

  function remembered(channel) {
    try { return JSON.parse(localStorage.getItem(`citizen-${channel}`)) || {}; } catch { return {}; }
  }

  function remember() {
    try { localStorage.setItem(`citizen-${state.channel}`, JSON.stringify({ user: state.user, name: state.name })); } catch { /* private mode */ }
  }

  async function call(path, body) {
    const options = body instanceof FormData ? { method: "POST", body }
      : body ? { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) } : {};
    const answer = await fetch(path, options);
    const data = await answer.json().catch(() => ({}));
    if (!answer.ok) throw Object.assign(new Error(data.error || answer.status), { code: data.error || answer.status });
    return data;
  }

  function complain(error) {
    const notice = find("notice");
    const key = `error_${error.code}`;
    const known = say(key) !== key;
    notice.textContent = error.code === undefined ? say("error_network") : known ? say(key) : say("error_other", { code: error.code });
    notice.hidden = false;
    setTimeout(() => { notice.hidden = true; }, 7000);
  }

  async function act(body) {
    find("notice").hidden = true;
    try {
      const sent = call("/api/messages", { channel: state.channel, user: state.user, ...body });
      setTimeout(refresh, 60);
      await sent;
      await refresh();
    } catch (error) { complain(error); }
  }

  const actions = {
    tap: (button) => act({ payload: button.value, tap: button.title }),
    resend: (message) => act({ message_id: message.message_id }),
  };

  function render(changed) {
    const box = find("messages");
    const wasAtEnd = atEnd();
    for (const message of changed) state.messages.set(message.number, message);
    const all = [...state.messages.values()].sort((a, b) => a.number - b.number);
    const lastCitizen = all.filter((m) => m.sender === "citizen").at(-1);
    const redraw = new Set(changed.map((m) => m.number).concat(state.lastCitizen ?? []));
    state.lastCitizen = lastCitizen?.number;
    for (const message of all) if (redraw.has(message.number)) place(box, Bubbles.draw(message, message === lastCitizen, actions), message.number);
    drawQuickReplies(all.at(-1));
    if (wasAtEnd) box.scrollTop = box.scrollHeight;
  }

  function place(box, node, number) {
    const old = box.querySelector(`[data-number="${number}"]`);
    if (old) old.replaceWith(node); else box.append(node);
  }

  function drawQuickReplies(last) {
    const items = last?.sender === "page" ? last.quick_replies : [];
    find("quick-replies").replaceChildren(...items.map((item) => Bubbles.button(item, actions.tap)));
  }

  function forget() {
    state.version = 0;
    state.messages.clear();
    state.lastCitizen = undefined;
    find("messages").querySelectorAll("[data-number]").forEach((node) => node.remove());
    drawQuickReplies();
  }

  async function refresh() {
    if (!state.user) return;
    const asked = state.user;
    const view = await call(`/api/conversations/${state.channel}/${encodeURIComponent(asked)}?after=${state.version}`);
    if (asked !== state.user) return;
    if (view.version < state.version) { forget(); return; }
    if (view.version > state.version) { state.version = view.version; render(view.messages); }
    find("welcome").hidden = state.messages.size > 0;
    find("typing").hidden = !view.typing;
  }

  async function poll() {
    try {
      await refresh();
      if (state.round++ % PEOPLE_EVERY === 0) await listPeople();
      find("connection").textContent = say("connected");
    } catch { find("connection").textContent = say("disconnected"); }
    setTimeout(poll, document.hidden ? HIDDEN_POLL_MS : POLL_MS);
  }

  async function listPeople() {
    const channel = state.channel;
    const people = await call(`/api/people/${channel}`);
    if (channel !== state.channel) return;
    if (!people.some((person) => person.user === state.user)) people.unshift({ user: state.user, name: state.name });
    const select = find("person");
    const drawn = JSON.stringify([state.user, people.map((p) => [p.user, p.name])]);
    if (document.activeElement === select || select.dataset.drawn === drawn) return;
    select.dataset.drawn = drawn;
    select.replaceChildren(...people.map((person) => new Option(`${person.name} · ${person.user.slice(-4)}`, person.user, false, person.user === state.user)));
  }

  async function become(person) {
    Object.assign(state, { user: person.user, name: person.name });
    remember();
    forget();
    find("person-name").value = state.name;
    find("person-id").textContent = state.user;
    await refresh();
    await listPeople();
  }

  async function newPerson() {
    await become(await call("/api/people", { channel: state.channel }));
    find("text").focus();
  }

  async function openChannel(channel) {
    state.channel = channel;
    document.body.dataset.channel = channel;
    document.querySelectorAll("[data-tab]").forEach((tab) => tab.setAttribute("aria-selected", String(tab.dataset.tab === channel)));
    const known = remembered(channel);
    await become(await call("/api/people", { channel, ...(known.user ? known : {}) }));
    if (channel === "messenger") await showProfile();
    else find("greeting").textContent = find("greeting").dataset.text;
  }

  async function showProfile() {
    state.profile = await call("/api/profile");
    const ofDefault = (entries) => (entries || []).find((entry) => entry.locale === "default");
    const greeting = ofDefault(state.profile.greeting);
    find("greeting").textContent = greeting ? greeting.text : find("greeting").dataset.text;
    find("get-started").hidden = !state.profile.get_started;
    const items = (ofDefault(state.profile.persistent_menu)?.call_to_actions || []).map((item) => (
      { title: item.title, kind: item.type === "web_url" ? "url" : "postback", value: item.url || item.payload }));
    find("menu").replaceChildren(...items.map((item) => Bubbles.button(item, actions.tap)));
  }

  async function sendPhoto(file) {
    const form = new FormData();
    form.append("file", file);
    try { await act({ image: (await call("/api/photos", form)).url, text: takeText() }); } catch (error) { complain(error); }
  }

  function takeText() {
    const box = find("text");
    const text = box.value.trim();
    box.value = "";
    grow();
    return text;
  }

  function grow() {
    const box = find("text");
    box.style.height = "auto";
    box.style.height = `${box.scrollHeight + 2}px`;
  }

  function sendText(event) {
    event?.preventDefault();
    const text = takeText();
    if (text) act({ text });
  }

  function sendLocation(event) {
    event.preventDefault();
    const typed = find("latlon").value.trim();
    const parts = (find("point").value || typed).split(",").map((part) => Number.parseFloat(part));
    if (parts.length !== 2 || parts.some(Number.isNaN)) { complain({ code: "location_invalid" }); return; }
    toggleTray(false);
    act({ location: parts });
  }

  function atEnd() {
    const box = find("messages");
    return box.scrollHeight - box.scrollTop - box.clientHeight < 120;
  }

  function keepAtEnd(change) {
    const wasAtEnd = atEnd();
    change();
    if (wasAtEnd) find("messages").scrollTop = find("messages").scrollHeight;
  }

  function toggleTray(open) {
    keepAtEnd(() => { find("tray").hidden = !open; });
    find("open-tray").setAttribute("aria-expanded", String(open));
  }

  async function fillPoints() {
    const { points } = await call("/static/catalogue.json");
    find("point").replaceChildren(...points.map((p) => new Option(p.title, `${p.lat},${p.lon}`)), new Option(say("custom_point"), ""));
    const showInput = () => { find("latlon").hidden = find("point").value !== ""; };
    find("point").addEventListener("change", showInput);
    showInput();
  }

  function wire() {
    find("messages").addEventListener("load", (event) => {
      const box = find("messages");
      if (box.scrollHeight - box.scrollTop - box.clientHeight < 120 + event.target.height) box.scrollTop = box.scrollHeight;
    }, true);
    find("greeting").dataset.text = find("greeting").textContent;
    find("composer").addEventListener("submit", sendText);
    find("text").addEventListener("input", grow);
    find("text").addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing) sendText(event);
    });
    find("open-tray").addEventListener("click", () => toggleTray(find("tray").hidden));
    find("sticker").addEventListener("click", () => { toggleTray(false); act({ sticker: true }); });
    find("location-form").addEventListener("submit", sendLocation);
    find("photo").addEventListener("change", (event) => {
      const [file] = event.target.files;
      if (file) { toggleTray(false); sendPhoto(file); }
      event.target.value = "";
    });
    find("get-started").addEventListener("click", () => act({ payload: state.profile.get_started.payload, tap: find("get-started").textContent }));
    find("new-person").addEventListener("click", () => newPerson().catch(complain));
    find("person").addEventListener("change", (event) => {
      const name = event.target.selectedOptions[0].text.replace(/ · [^·]*$/, "");
      event.target.blur();
      become({ user: event.target.value, name }).catch(complain);
    });
    find("person-name").addEventListener("change", (event) => {
      call("/api/people", { channel: state.channel, user: state.user, name: event.target.value }).then(become).catch(complain);
    });
    for (const tab of document.querySelectorAll("[data-tab]")) tab.addEventListener("click", () => openChannel(tab.dataset.tab).catch(complain));
    for (const node of document.querySelectorAll("[data-sample]")) node.addEventListener("click", () => { toggleTray(false); act({ image: node.dataset.sample, text: takeText() }); });
    for (const node of document.querySelectorAll("[data-example]")) node.addEventListener("click", () => act({ text: node.dataset.example }));
    for (const node of document.querySelectorAll("[data-event]")) node.addEventListener("click", () => act({ event: node.dataset.event }));
  }

  wire();
  fillPoints().catch(complain);
  openChannel(location.hash === "#messenger" ? "messenger" : "zalo").catch(complain).finally(poll);
})();

// Draws one message as a bubble. Everything people wrote goes in as text nodes, never as markup.
"use strict";

const Bubbles = (() => {
  const SVG = "http://www.w3.org/2000/svg";
  const LINK = /https?:\/\/[^\s<>"]+[^\s<>".,;:!?)\]]/g;
  const texts = JSON.parse(document.getElementById("texts").textContent);

  function say(key, values = {}) {
    return (texts[key] || key).replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
  }

  function make(tag, className, text) {
    const node = document.createElement(tag);
    if (className) node.className = className;
    if (text !== undefined) node.textContent = text;
    return node;
  }

  function icon(name, className) {
    const svg = document.createElementNS(SVG, "svg");
    if (className) svg.setAttribute("class", className);
    const use = document.createElementNS(SVG, "use");
    use.setAttribute("href", `#icon-${name}`);
    svg.append(use);
    return svg;
  }

  function link(url, text) {
    const anchor = make("a", "", text);
    anchor.href = /^(https?|tel|sms):/.test(url) ? url : "#";
    anchor.target = "_blank";
    anchor.rel = "noopener noreferrer";
    return anchor;
  }

  function addText(node, text) {
    let end = 0;
    for (const found of text.matchAll(LINK)) {
      node.append(text.slice(end, found.index), link(found[0], found[0]));
      end = found.index + found[0].length;
    }
    node.append(text.slice(end));
  }

  function picture(url) {
    const image = make("img");
    image.src = url;
    image.alt = say("photo");
    image.addEventListener("error", () => image.replaceWith(make("em", "", say("photo_gone"))));
    return image;
  }

  function pin(location) {
    const box = make("div", "pin");
    const words = make("div", "", say("location"));
    words.append(make("small", "", `${location[0].toFixed(5)}, ${location[1].toFixed(5)}`));
    box.append(icon("pin"), words);
    return box;
  }

  function button(item, onTap) {
    if (item.kind === "url") return link(item.value, item.title);
    if (item.kind === "phone" || item.kind === "sms") {
      const anchor = link(`${item.kind === "sms" ? "sms" : "tel"}:${item.value}`, item.title);
      anchor.title = say(item.kind === "sms" ? "sms" : "call", item);
      return anchor;
    }
    const node = make("button", "", item.title);
    node.type = "button";
    node.addEventListener("click", () => onTap(item));
    return node;
  }

  function buttonList(items, onTap) {
    const list = make("div", "buttons");
    list.append(...items.map((item) => button(item, onTap)));
    return list;
  }

  function card(item, onTap) {
    const box = make("div", "card");
    if (item.image) box.append(picture(item.image));
    box.append(make("strong", "", item.title));
    if (item.subtitle) box.append(make("p", "", item.subtitle));
    if (item.url) box.append(link(item.url, item.url));
    if (item.buttons.length) box.append(buttonList(item.buttons, onTap));
    return box;
  }

  function body(message) {
    const bubble = make("div", "bubble");
    if (message.kind === "sticker") {
      bubble.classList.add("bare");
      bubble.append(icon("thumb", "sticker"));
      return bubble;
    }
    if (message.text) addText(bubble, message.text);
    for (const url of message.images) bubble.append(picture(url));
    if (message.location) bubble.append(pin(message.location));
    if (message.file) bubble.append(icon("file"), /^https?:/.test(message.file) ? link(message.file, message.file) : message.file);
    return bubble;
  }

  function isEvent(message) {
    return ["follow", "unfollow", "withdraw", "query_hide"].includes(message.kind);
  }

  function note(message) {
    const text = message.kind === "query_hide" ? say("tapped", { title: message.text }) : say(message.kind);
    return make("div", "", text);
  }

  function status(message, isLast, onResend) {
    const wrong = ["retrying", "refused", "failed"].includes(message.state);
    const line = make("div", wrong ? "meta wrong" : "meta");
    const hour = new Date(Number(message.timestamp)).toLocaleTimeString("vi-VN", { hour: "2-digit", minute: "2-digit", timeZone: "Asia/Ho_Chi_Minh" });
    if (message.sender === "page") {
      line.textContent = hour;
    } else if (wrong) {
      const coded = message.status && message.state !== "refused" ? "_code" : "";
      line.textContent = say(`state_${message.state}${coded}`, message);
      if (message.state !== "retrying") line.append(resendButton(message, onResend));
    } else if (message.state === "sending") {
      line.textContent = say("state_sending");
    } else {
      line.textContent = isLast ? `${hour} · ${say(message.receipt === "seen" ? "state_seen" : "state_sent")}` : hour;
    }
    return line;
  }

  function resendButton(message, onResend) {
    const again = make("button", "", say("resend"));
    again.type = "button";
    again.addEventListener("click", () => onResend(message));
    return again;
  }

  // `isLast`: the newest message of its sender; `actions` has tap(button, message) and resend(message).
  function draw(message, isLast, actions) {
    const row = make("div", `row ${message.sender}`);
    row.dataset.number = message.number;
    if (isEvent(message)) {
      row.className = "note";
      row.append(note(message));
      if (message.state !== "sent") row.append(status(message, isLast, actions.resend));
      return row;
    }
    const bubble = body(message);
    if (bubble.childNodes.length) row.append(bubble);
    const tap = (item) => actions.tap(item, message);
    row.append(...message.cards.map((item) => card(item, tap)));
    if (message.buttons.length) row.append(buttonList(message.buttons, tap));
    row.append(status(message, isLast, actions.resend));
    return row;
  }

  return { draw, button, say, make };
})();
